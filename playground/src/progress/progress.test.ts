import { expect, test } from "vitest";
import type { OperationEventKind } from "../graphql/generated/graphql";
import { type WatchedEvent, progressOf } from "./progress";

test("an event becomes a percentage and words", () => {
  const data: WatchedEvent = {
    operationEvents: { kind: "DOCUMENT_COMPLETED", progress: 66, document: { fileName: "tides.md" } },
  };
  expect(progressOf(data)).toEqual({
    percent: 66,
    text: "tides.md can be searched",
    outcome: "running",
  });
});

test("the last event of an operation tells its outcome", () => {
  const outcome = (kind: OperationEventKind) => progressOf({ operationEvents: { kind, progress: 100 } })?.outcome;
  expect(outcome("OPERATION_COMPLETED")).toBe("completed");
  expect(outcome("OPERATION_FAILED")).toBe("failed");
  expect(outcome("OPERATION_CANCELLED")).toBe("cancelled");
});

test("what is not an event, or was not asked for in full, makes no bar", () => {
  const others: WatchedEvent[] = [
    null,
    undefined,
    {},
    { operationEvents: null },
    { operationEvents: { kind: "OPERATION_STARTED" } },
  ];
  for (const data of others) expect(progressOf(data)).toBeUndefined();
  expect(progressOf({ operationEvents: { kind: "A_LATER_KIND" as OperationEventKind, progress: 1 } })).toBeUndefined();
});
