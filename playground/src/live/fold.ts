/** What is known of an operation after each of its events. Nothing here knows where events come from. */
import type { FollowSubscription, OperationEventKind, OperationStatus, TotalsFragment } from "../api/generated/graphql";

export type FollowedEvent = FollowSubscription["operationEvents"];

export interface Followed {
  status: OperationStatus;
  waitsForSpace: boolean;
  totals: TotalsFragment;
  /** The number of the last event; earlier ones come again after a lost connection. */
  sequence: number;
  /** Ids of the documents that a worker has. */
  working: ReadonlySet<string>;
  /** When documents got their outcome, on the server's clock, for the last half minute of events. */
  ends: readonly number[];
  startedAt: number | undefined;
  lastAt: number;
}

const BEGIN: ReadonlySet<OperationEventKind> = new Set(["DOCUMENT_STARTED", "DOCUMENT_PROGRESS"]);
const END: ReadonlySet<OperationEventKind> = new Set([
  "DOCUMENT_COMPLETED",
  "DOCUMENT_FAILED",
  "DOCUMENT_SKIPPED",
  "DOCUMENT_CANCELLED",
  "DOCUMENT_DELETED",
  "DOCUMENT_RETRYING",
]);

/** For how long ends of documents are remembered, in milliseconds. */
const REMEMBERED = 40_000;

export function fold(before: Followed | undefined, event: FollowedEvent): Followed {
  if (before && event.sequence <= before.sequence) return before;
  const at = Date.parse(event.at);
  const working = new Set(before?.working);
  if (event.document && BEGIN.has(event.kind)) working.add(event.document.id);
  if (event.document && END.has(event.kind)) working.delete(event.document.id);
  if (hasEnded(event.operation.status)) working.clear();
  const isEnd = END.has(event.kind) && event.kind !== "DOCUMENT_RETRYING";
  const ends = (before?.ends ?? []).filter((end) => end > at - REMEMBERED);
  return {
    status: event.operation.status,
    waitsForSpace: event.operation.waitsForSpace,
    totals: event.operation.totals,
    sequence: event.sequence,
    working,
    ends: isEnd ? [...ends, at] : ends,
    startedAt: before?.startedAt ?? (event.kind === "OPERATION_STARTED" ? at : undefined),
    lastAt: at,
  };
}

export function hasEnded(status: OperationStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}

export function doneOf({ completed, skipped, cancelled }: TotalsFragment): number {
  return completed + skipped + cancelled;
}

/** How much an older second counts in the rate, in milliseconds. */
const MEMORY = 10_000;

/** Documents per second: a mean in which what happened ten seconds ago counts a third of what happens now. */
export function rate(ends: readonly number[], startedAt: number, now: number): number {
  const age = Math.max(now - startedAt, 500);
  const seen = ends.reduce((sum, end) => sum + Math.exp(-Math.max(now - end, 0) / MEMORY), 0);
  const weight = (MEMORY / 1000) * (1 - Math.exp(-age / MEMORY));
  return seen / weight;
}

/** Documents in each of the last `seconds` seconds, oldest first. */
export function perSecond(ends: readonly number[], now: number, seconds = 30): number[] {
  const bins = new Array<number>(seconds).fill(0);
  for (const end of ends) {
    const age = Math.floor((now - end) / 1000);
    const index = seconds - 1 - age;
    if (index >= 0 && index < seconds) bins[index] = (bins[index] ?? 0) + 1;
  }
  return bins;
}

/** «about 2 min left», as soon as it can be told and as long as it is worth telling. */
export function timeLeft(remaining: number, perSecondNow: number, done: number): string | undefined {
  if (done < 5 || !(perSecondNow > 0) || remaining <= 0) return undefined;
  return leftWords(remaining / perSecondNow);
}

/** «about 2 min left», unless it is as good as over. */
export function leftWords(seconds: number): string | undefined {
  if (seconds <= 3) return undefined;
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 90 * 60) return `about ${Math.max(1, Math.round(seconds / 60))} min left`;
  return `about ${Math.round(seconds / 3600)} h left`;
}
