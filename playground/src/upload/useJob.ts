import { useSyncExternalStore } from "react";
import { type Followed, doneOf, hasEnded, perSecond, rate, timeLeft } from "../live/fold";
import { useFollowedAll } from "../live/follow";
import type { RunningJob } from "./jobs";
import type { JobState } from "./job";

export interface JobView extends JobState {
  searchable: number;
  /** Failed in the server, or not taken by it. */
  failed: number;
  unchanged: number;
  working: number;
  waiting: number;
  speed: number;
  spark: number[];
  timeLeft: string | undefined;
  hasEnded: boolean;
}

/** A job with what its operations have done so far. */
export function useJob({ state }: RunningJob): JobView {
  const job = useSyncExternalStore(state.subscribe, state.get);
  const operations = useFollowedAll(job.operationIds);
  return viewOf(job, operations);
}

export function viewOf(job: JobState, operations: (Followed | undefined)[], now = Date.now()): JobView {
  const known = operations.filter((operation) => operation !== undefined);
  const sum = (of: (operation: Followed) => number) => known.reduce((total, operation) => total + of(operation), 0);
  const failed = sum(({ totals }) => totals.failed) + job.unsent.length;
  const done = sum(({ totals }) => doneOf(totals));
  const isOver = job.phase !== "uploading" && known.length === operations.length && known.every(({ status }) => hasEnded(status));
  const working = isOver ? 0 : sum((operation) => operation.working.size) + job.uploading;
  const taken = Math.max(sum(({ totals }) => totals.documents) + job.unsent.length, done + failed);
  // Archives bring more documents than files were sent.
  const total = job.phase === "uploading" || job.phase === "indexing" ? Math.max(job.total, taken) : taken;
  const ends = known.flatMap(({ ends }) => ends);
  // The clocks of the server and of this machine may differ: the last event was seen just now, or before.
  const clock = Math.max(...known.map(({ lastAt }) => lastAt), 0);
  const at = known.length > 0 && Math.abs(clock - now) > 60_000 ? clock : Math.max(now, clock);
  const startedAt = Math.min(...known.map((operation) => operation.startedAt ?? clock), at);
  const speed = isOver || known.length === 0 ? 0 : rate(ends, startedAt, at);
  return {
    ...job,
    total,
    searchable: sum(({ totals }) => totals.completed),
    unchanged: sum(({ totals }) => totals.skipped),
    failed,
    working,
    waiting: Math.max(total - done - failed - working, 0),
    speed,
    spark: perSecond(ends, at),
    timeLeft: isOver ? undefined : timeLeft(total - done - failed, speed, done + failed),
    hasEnded: isOver,
  };
}
