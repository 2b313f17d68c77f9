import { expect, test } from "vitest";
import { progressOf } from "./progress";

test("an event becomes a percentage and words", () => {
  const event = { kind: "DOCUMENT_COMPLETED", progress: 66, document: { fileName: "tides.md" } };
  expect(progressOf({ operationEvents: event })).toEqual({
    percent: 66,
    text: "tides.md can be searched",
    outcome: "running",
  });
});

test("the last event of an operation tells its outcome", () => {
  const outcome = (kind: string) => progressOf({ viewerOperations: { kind, progress: 100 } })?.outcome;
  expect(outcome("OPERATION_COMPLETED")).toBe("completed");
  expect(outcome("OPERATION_FAILED")).toBe("failed");
  expect(outcome("OPERATION_CANCELLED")).toBe("cancelled");
});

test("what is not an event, or was not asked for in full, makes no bar", () => {
  const others = [null, undefined, {}, { operationEvents: null }, { operationEvents: { kind: "OPERATION_STARTED" } }];
  for (const data of others) expect(progressOf(data)).toBeUndefined();
  expect(progressOf({ operationEvents: { kind: "A_LATER_KIND", progress: 1 } })).toBeUndefined();
});
