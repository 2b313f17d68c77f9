import type { ServerPageQuery } from "../../api/generated/graphql";
import { useNow } from "../../ui/useNow";
import { Time } from "../../ui/Time";
import { number } from "../../ui/words";
import { STATE, WORK } from "./words";

type Worker = NonNullable<NonNullable<ServerPageQuery["server"]>["workers"]>[number];

/** A process that has not reported for so long has ended without a word, in milliseconds. */
const SILENT = 120_000;

/** What works in the processes of the server, and how it is. */
export function Workers({ workers }: { workers: readonly Worker[] }) {
  const now = useNow(true);
  const processes = new Set(workers.map(({ process }) => process)).size;
  return (
    <section className="card stack tight">
      <h2 className="pad-head">Workers {processes > 1 && <span className="muted small">in {processes} processes</span>}</h2>
      <div className="table">
        <table aria-label="Workers">
          <thead><tr><th>Does</th><th>State</th><th className="end hide-s">Done</th><th className="end">Failed</th><th className="hide-s">Last reported</th></tr></thead>
          <tbody>
            {workers.map((worker) => {
              const { name, process, state, running, completed, failed, restarts, currentJob, lastError, lastErrorAt, heartbeatAt } = worker;
              const isSilent = state !== "STOPPED" && now - Date.parse(heartbeatAt) > SILENT;
              const [words, tone] = STATE[state];
              return (
                <tr key={`${process} ${name}`}>
                  <td>
                    {WORK[name]}
                    {currentJob && <div className="muted small break">{running > 1 ? `${running} jobs, the longest ` : ""}{currentJob}</div>}
                    {lastError && <div className="small warn break">{lastError} {lastErrorAt && <Time at={lastErrorAt} />}</div>}
                  </td>
                  <td>
                    {isSilent ? <span className="badge b">Silent</span> : <span className={`badge ${tone}`}>{words}</span>}
                    {restarts > 0 && <span className="muted small"> crashed {restarts === 1 ? "once" : `${restarts} times`}</span>}
                  </td>
                  <td className="num end hide-s">{number(Number(completed))}</td>
                  <td className={`num end ${Number(failed) > 0 ? "warn" : ""}`}>{number(Number(failed))}</td>
                  <td className="muted hide-s"><Time at={heartbeatAt} /></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
