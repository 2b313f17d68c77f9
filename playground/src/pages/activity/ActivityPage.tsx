import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import "./activity.css";
import { ActivityDocument, type OperationStatus, type OperationType } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { usePages } from "../../app/queries";
import { Activity, Code, LARGE, SMALL } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { OperationTable } from "./OperationTable";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/activity");

const STATUS: Record<"running" | "done" | "failed" | "stopped", OperationStatus[]> = {
  running: ["PENDING", "PROCESSING"],
  done: ["COMPLETED"],
  failed: ["FAILED"],
  stopped: ["CANCELLED"],
};
const TYPE: Record<"adding" | "deleting" | "reindexing", OperationType[]> = {
  adding: ["INDEX", "APPEND"],
  deleting: ["DELETE", "REMOVE_SOURCE"],
  reindexing: ["REINDEX"],
};
const CHIPS = [[undefined, "All"], ["running", "Running"], ["done", "Done"], ["failed", "Failed"], ["stopped", "Stopped"]] as const;

/** All operations of the viewer and on their collections. */
export function ActivityPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const [isCodeOpen, setCodeOpen] = useState(false);
  const variables = (after: string | null) => ({
    filter: {
      ...(asked.status && { status: STATUS[asked.status] }),
      ...(asked.type && { type: TYPE[asked.type] }),
    },
    after,
  });
  const pages = usePages(ActivityDocument, variables, {
    pageInfo: (data) => data.operations?.pageInfo,
    every: 2_000,
    keepsPrevious: true,
  });
  const operations = pages.data?.pages.flatMap(({ operations }) => operations?.nodes ?? []) ?? [];
  const set = (changes: Partial<typeof asked>) => { void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }); };

  return (
    <>
      <div className="head">
        <div className="grow"><Heading>Activity</Heading></div>
        <button type="button" className="btn" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>
      </div>
      <div className="bar">
        <span role="group" aria-label="State" className="row wrap">
          {CHIPS.map(([status, words]) => (
            <button key={words} type="button" className="chip" aria-pressed={asked.status === status} onClick={() => { set({ status }); }}>{words}</button>
          ))}
        </span>
        <select className="input s" aria-label="What" value={asked.type ?? ""} onChange={({ target }) => { set({ type: target.value === "" ? undefined : (target.value as keyof typeof TYPE) }); }}>
          <option value="">Everything</option>
          <option value="adding">Adding</option>
          <option value="deleting">Deleting</option>
          <option value="reindexing">Reindexing</option>
        </select>
      </div>
      {pages.error && operations.length === 0 ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading /></div>
      ) : operations.length === 0 ? (
        <div className="card"><Empty icon={<Activity {...LARGE} />} title="Nothing is going on"><p>When documents are added or deleted, you see it here, live.</p></Empty></div>
      ) : (
        <OperationTable operations={operations} />
      )}
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
      <Suspense>
        {isCodeOpen && <UseInCode title="Your operations in code" document={ActivityDocument} variables={variables(null)} onClose={() => { setCodeOpen(false); }} />}
      </Suspense>
    </>
  );
}
