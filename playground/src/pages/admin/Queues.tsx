import type { ServerPageQuery } from "../../api/generated/graphql";
import { Time } from "../../ui/Time";
import { number } from "../../ui/words";

type Queue = NonNullable<NonNullable<ServerPageQuery["server"]>["queues"]>[number];

/** What the server has to do, by kind. */
export function Queues({ queues: all }: { queues: readonly Queue[] }) {
  const queues = all.filter(({ depth, dead }) => depth + dead > 0);
  return (
    <section className="card stack tight">
      <h2 className="pad-head">Queues</h2>
      {queues.length === 0 ? (
        <p className="pad muted">Nothing waits to be done.</p>
      ) : (
        <div className="table">
          <table aria-label="Queues">
            <thead><tr><th>Jobs</th><th className="end">Running</th><th className="end">Ready</th><th className="end hide-s">Wait for their time</th><th className="end">Can’t be done</th><th className="hide-s">The oldest</th></tr></thead>
            <tbody>
              {queues.map(({ kind, running, ready, waiting, dead, oldestAt }) => (
                <tr key={kind}>
                  <td>{kind.replaceAll("_", " ")}</td>
                  <td className="num end">{number(running)}</td>
                  <td className="num end">{number(ready)}</td>
                  <td className="num end hide-s">{number(waiting)}</td>
                  <td className={`num end ${dead > 0 ? "bad" : ""}`}>{number(dead)}</td>
                  <td className="muted hide-s">{oldestAt && <Time at={oldestAt} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
