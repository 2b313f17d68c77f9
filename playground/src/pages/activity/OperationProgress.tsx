import type { OperationRowFragment } from "../../api/generated/graphql";
import { doneOf, hasEnded, perSecond, rate } from "../../live/fold";
import { useFollowed } from "../../live/follow";
import { Figure, PartsBar, Sparkline } from "../../ui/Progress";
import { deletes } from "../../ui/Status";
import { useNow } from "../../ui/useNow";
import { number } from "../../ui/words";
import { TimeLeft } from "./TimeLeft";

/** How far an operation is, live: what was read of it, until its events tell more. */
export function OperationProgress({ operation }: { operation: OperationRowFragment }) {
  const followed = useFollowed(hasEnded(operation.status) ? undefined : operation.id);
  const { totals, status } = followed ?? operation;
  const isOver = hasEnded(status);
  const now = useNow(!isOver);

  const done = doneOf(totals);
  const working = followed?.working.size ?? 0;
  const waiting = Math.max(totals.documents - done - totals.failed - working, 0);
  const at = followed && Math.abs(followed.lastAt - now) > 60_000 ? followed.lastAt : now;
  const speed = followed && !isOver ? rate(followed.ends, followed.startedAt ?? followed.lastAt, at) : 0;

  return (
    <>
      <PartsBar parts={{ done, failed: totals.failed, working, total: totals.documents }} hasEnded={isOver} />
      <div className="figures">
        <Figure value={number(totals.completed)} label={deletes(operation.type) ? "deleted" : "searchable"} />
        {totals.skipped > 0 && <Figure value={number(totals.skipped)} label="unchanged" />}
        <Figure value={number(totals.failed)} label="failed" tone={totals.failed > 0 ? "bad" : ""} />
        {totals.cancelled > 0 && <Figure value={number(totals.cancelled)} label="left out" />}
        {!isOver && <Figure value={number(working)} label="working" />}
        {!isOver && <Figure value={number(waiting)} label="waiting" />}
        {!deletes(operation.type) && <Figure value={number(totals.chunks)} label="passages" />}
        {followed && !isOver && (
          <span className="row hide-s">
            <Sparkline values={perSecond(followed.ends, at)} label="Documents per second in the last 30 seconds" />
            {speed >= 0.05 && <span className="muted num">{speed.toFixed(1)}/s</span>}
          </span>
        )}
        {!isOver && <TimeLeft of={operation} />}
      </div>
    </>
  );
}
