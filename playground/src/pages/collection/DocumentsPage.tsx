import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useMemo, useState, useSyncExternalStore } from "react";
import "./documents.css";
import { type DocumentFilter, DocumentCountsDocument, DocumentsDocument, type DocumentStatus } from "../../api/generated/graphql";
import { useAsk, usePages } from "../../app/queries";
import { Code, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { number } from "../../ui/words";
import { JobCard } from "../../upload/JobCard";
import { jobs } from "../../upload/jobs";
import { useCollection } from "./context";
import { DocumentTable } from "./DocumentTable";
import { DropBox, EmptyCollection } from "./DropBox";
import { FailedBar } from "./FailedBar";
import { RunningOperations } from "./RunningOperations";
import { useDeletion } from "./useDeletion";
import { useLiveDocuments } from "./useLiveDocuments";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/collections/$id/documents");

const STATUS: Record<"searchable" | "working" | "failed", DocumentStatus[]> = {
  searchable: ["COMPLETED"],
  working: ["PENDING", "PROCESSING"],
  failed: ["FAILED", "QUARANTINED"],
};
const CHIPS = [[undefined, "All"], ["searchable", "Searchable"], ["working", "Working"], ["failed", "Failed"]] as const;

/** The documents of a collection, and what is on its way into it. */
export function DocumentsPage() {
  const collection = useCollection();
  const { id } = collection;
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const [isCodeOpen, setCodeOpen] = useState(false);
  const counts = useAsk(DocumentCountsDocument, { id }).data?.collection;
  const filter: DocumentFilter = {
    ...(asked.q && { fileNameContains: asked.q }),
    ...(asked.status && { status: STATUS[asked.status] }),
  };
  const variables = (after: string | null) => ({
    id,
    filter,
    orderBy: asked.sort === "name" ? ({ field: "FILE_NAME", direction: "ASC" } as const) : null,
    after,
  });
  const pages = usePages(DocumentsDocument, variables, {
    pageInfo: (data) => data.collection?.documents.pageInfo,
    keepsPrevious: true,
  });
  const deletion = useDeletion();
  const documents = useMemo(
    () =>
      (pages.data?.pages.flatMap(({ collection }) => collection?.documents.nodes ?? []) ?? []).filter(
        (document) => !deletion.hidden.has(document.id),
      ),
    [pages.data, deletion.hidden],
  );
  const mine = useSyncExternalStore(jobs.subscribe, jobs.get).filter(({ state }) => state.get().collectionId === id);
  const others = useLiveDocuments(id, mine);
  const mayAdd = collection.viewerCan.includes("DOCUMENT_INGEST");
  const mayDelete = collection.viewerCan.includes("DOCUMENT_DELETE");
  const set = (changes: Partial<typeof asked>) => {
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  };
  const isEmpty = counts?.all.totalCount === 0 && mine.length === 0 && others.length === 0;

  return (
    <>
      {mine.map((job) => <JobCard key={job.state.get().id} job={job} />)}
      <RunningOperations operations={others} />
      {isEmpty ? (
        <EmptyCollection collection={collection} mayAdd={mayAdd} />
      ) : (
        <>
          {mayAdd && <DropBox collection={collection} />}
          <div className="bar">
            <span role="group" aria-label="Status" className="row wrap">
              {CHIPS.map(([status, words]) => (
                <button key={words} type="button" className="chip" aria-pressed={asked.status === status} onClick={() => { set({ status }); }}>
                  {words} {counts && <span className="num">{number(counts[status ?? "all"].totalCount)}</span>}
                </button>
              ))}
            </span>
            <FindByName value={asked.q ?? ""} onChange={(q) => { set({ q: q || undefined }); }} />
            <select className="input s" aria-label="Order" value={asked.sort ?? ""} onChange={(event) => { set({ sort: event.target.value === "name" ? "name" : undefined }); }}>
              <option value="">Newest first</option>
              <option value="name">By name</option>
            </select>
            <span className="grow" />
            <button type="button" className="btn s hide-s" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>
          </div>
          {(counts?.failed.totalCount ?? 0) > 0 && asked.status !== "searchable" && asked.status !== "working" && (
            <FailedBar collection={collection} count={counts?.failed.totalCount ?? 0} isFiltered={asked.status === "failed"} mayAdd={mayAdd} />
          )}
          {pages.error && documents.length === 0 ? (
            <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
          ) : pages.isPending ? (
            <div className="card"><Loading /></div>
          ) : (
            <DocumentTable
              collection={collection}
              documents={documents}
              total={counts?.[asked.status ?? "all"].totalCount}
              hasMore={pages.hasNextPage}
              onMore={() => { if (!pages.isFetchingNextPage) void pages.fetchNextPage(); }}
              onDelete={mayDelete ? deletion.remove : undefined}
              mayAdd={mayAdd}
            />
          )}
        </>
      )}
      <Suspense>
        {isCodeOpen && (
          <UseInCode title="These documents in code" document={DocumentsDocument} variables={variables(null)} collection={id} onClose={() => { setCodeOpen(false); }} />
        )}
      </Suspense>
    </>
  );
}

/** Filters when the keys are quiet. */
function FindByName({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [timer, setTimer] = useState<ReturnType<typeof setTimeout>>();
  return (
    <input
      className="input s find"
      type="search"
      aria-label="Find by name"
      placeholder="Find by name"
      defaultValue={value}
      onChange={({ target }) => {
        clearTimeout(timer);
        setTimer(setTimeout(() => { onChange(target.value.trim()); }, 250));
      }}
    />
  );
}
