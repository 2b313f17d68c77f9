import { Link } from "@tanstack/react-router";
import { SourceRunsDocument, type SourceRunsQuery } from "../../api/generated/graphql";
import { usePages } from "../../app/queries";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { duration } from "../../ui/words";
import { runWords } from "./words";

/** Other kinds of nodes have no field selected. */
type SourceNode = Extract<NonNullable<SourceRunsQuery["node"]>, { id: string }>;

function runsOf({ node }: SourceRunsQuery): SourceNode["runs"] | undefined {
  return node && "id" in node ? node.runs : undefined;
}

/** The syncs of a source, newest first. */
export function SourceRuns({ id, file, isLive }: { id: string; file: string; isLive: boolean }) {
  const pages = usePages(SourceRunsDocument, (after) => ({ id, after }), { pageInfo: (data) => runsOf(data)?.pageInfo, every: isLive ? 1_500 : false });
  const runs = pages.data?.pages.flatMap((page) => runsOf(page)?.nodes ?? []) ?? [];
  if (pages.error) return <Failed error={pages.error} onRetry={() => void pages.refetch()} />;
  if (pages.isPending) return <Loading rows={2} />;
  if (runs.length === 0) return <p className="muted">It has not been read yet.</p>;
  return (
    <div className="table">
      <table className="stacks">
        <thead><tr><th>When</th><th className="hide-s">Took</th><th>What it did</th><th><span className="vh">Operation</span></th></tr></thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.startedAt}>
              <td className="muted"><Time at={run.startedAt} /></td>
              <td className="num muted hide-s">{run.completedAt ? duration(Date.parse(run.completedAt) - Date.parse(run.startedAt)) : "runs"}</td>
              <td className="whole">{runWords(run, file)}{run.error && <p className="warn break">{run.error}</p>}</td>
              <td className="end">{run.operation && <Link to="/activity/$operationId" params={{ operationId: run.operation.id }} search={{}}>Follow</Link>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {pages.hasNextPage && <p className="pad"><button type="button" className="btn s" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
    </div>
  );
}
