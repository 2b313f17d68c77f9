import { expect, test } from "vitest";
import type { OperationEventKind, OperationStatus } from "../api/generated/graphql";
import { type Followed, type FollowedEvent, fold, perSecond, rate, timeLeft } from "./fold";

const NOW = Date.parse("2026-01-01T00:00:00Z");

function event(sequence: number, kind: OperationEventKind, document?: string, seconds = sequence, status: OperationStatus = "PROCESSING"): FollowedEvent {
  return {
    kind,
    sequence,
    cursor: String(sequence),
    at: new Date(NOW + seconds * 1000).toISOString(),
    message: null,
    document: document ? { id: document, fileName: document } : null,
    operation: {
      id: "o",
      status,
      waitsForSpace: false,
      totals: { documents: 3, completed: 0, failed: 0, skipped: 0, cancelled: 0, chunks: 0 },
    },
  };
}

const after = (...events: FollowedEvent[]) => events.reduce<Followed | undefined>((state, next) => fold(state, next), undefined);

test("documents are worked on from their start to their end", () => {
  const events = [event(1, "OPERATION_STARTED"), event(2, "DOCUMENT_STARTED", "a"), event(3, "DOCUMENT_STARTED", "b")];
  expect([...(after(...events)?.working ?? [])]).toEqual(["a", "b"]);
  const later = after(...events, event(4, "DOCUMENT_COMPLETED", "a"), event(5, "DOCUMENT_RETRYING", "b"));
  expect(later?.working.size).toBe(0);
  expect(later?.ends).toHaveLength(1);
});

test("events that come again after a lost connection change nothing", () => {
  const once = after(event(1, "OPERATION_STARTED"), event(2, "DOCUMENT_STARTED", "a"), event(3, "DOCUMENT_COMPLETED", "a"));
  expect(once && fold(once, event(2, "DOCUMENT_STARTED", "a"))).toBe(once);
});

test("nothing is worked on when the operation has ended", () => {
  const state = after(event(1, "DOCUMENT_STARTED", "a"), event(2, "OPERATION_CANCELLED", undefined, 2, "CANCELLED"));
  expect(state?.working.size).toBe(0);
});

test("the rate of a steady stream is its rate, from the first seconds on", () => {
  const steady = (seconds: number) => Array.from({ length: seconds * 4 }, (_, index) => NOW - index * 250);
  expect(rate(steady(3), NOW - 3_000, NOW)).toBeCloseTo(4, 0);
  expect(rate(steady(60), NOW - 60_000, NOW)).toBeCloseTo(4, 0);
  expect(rate([], NOW - 10_000, NOW)).toBe(0);
});

test("ends are counted by second, oldest first", () => {
  expect(perSecond([NOW - 100, NOW - 1_100, NOW - 1_200, NOW - 9_000], NOW, 3)).toEqual([0, 2, 1]);
});

test.each([
  [100, 2, 4, undefined],
  [4, 2, 40, undefined],
  [20, 2, 40, "about 10 s left"],
  [240, 2, 40, "about 2 min left"],
  [36_000, 2, 40, "about 5 h left"],
])("%s remaining at %s a second after %s: %s", (remaining, speed, done, words) => {
  expect(timeLeft(remaining, speed, done)).toBe(words);
});
