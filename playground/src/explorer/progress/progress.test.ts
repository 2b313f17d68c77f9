import { expect, test } from "vitest";
import { type WatchedEvent, hasEnded, progressOf } from "./progress";

type Event = NonNullable<NonNullable<WatchedEvent>["operationEvents"]>;
type Totals = NonNullable<NonNullable<Event["operation"]>["totals"]>;

const of = (event: Event) => progressOf({ operationEvents: event });
const ended = (kind: Event["kind"], totals: Totals, progress = 100) => of({ kind, progress, operation: { totals } });

const GOOD = { documents: 3, completed: 3, failed: 0, skipped: 0, cancelled: 0 };

test("an event becomes a percentage and words", () => {
  expect(of({ kind: "DOCUMENT_COMPLETED", progress: 66, document: { fileName: "tides.md" } })).toEqual({
    percent: 66,
    text: "tides.md can be searched",
    outcome: "running",
    failed: 0,
  });
});

test("the last event of an operation tells its outcome", () => {
  const outcome = (kind: Event["kind"]) => ended(kind, GOOD)?.outcome;
  expect(outcome("OPERATION_COMPLETED")).toBe("completed");
  expect(outcome("OPERATION_FAILED")).toBe("failed");
  expect(outcome("OPERATION_CANCELLED")).toBe("cancelled");
});

test("an operation in which documents failed is not simply done", () => {
  expect(ended("OPERATION_COMPLETED", { ...GOOD, completed: 28, documents: 30, failed: 2 })).toEqual({
    percent: 100,
    text: "2 of 30 documents failed, the others completed. Check the reason, then ingest the failed documents again.",
    outcome: "incomplete",
    failed: 2,
  });
  const failed = (documents: number) => ended("OPERATION_FAILED", { ...GOOD, completed: 0, documents, failed: documents });
  expect(failed(1)?.text).toBe("The document failed. Check the reason, then ingest the failed documents again.");
  expect(failed(30)?.text).toBe("All 30 documents failed. Check the reason, then ingest the failed documents again.");
  expect(failed(30)?.failed).toBe(30);
});

test("nor one of which nobody asked how many failed", () => {
  for (const totals of [{}, { documents: 3 }, { failed: null }]) {
    expect(ended("OPERATION_COMPLETED", totals)).toMatchObject({
      outcome: "incomplete",
      text: expect.stringContaining("totals { failed }") as string,
    });
  }
  expect(of({ kind: "OPERATION_COMPLETED", progress: 100 })?.outcome).toBe("incomplete");
});

test("a good end says what was unchanged", () => {
  expect(ended("OPERATION_COMPLETED", GOOD)?.text).toBe("Done");
  expect(ended("OPERATION_COMPLETED", { ...GOOD, skipped: 2 })?.text).toBe("Done, 2 of 3 documents unchanged");
});

test("a stopped operation says what is done and what is not", () => {
  const totals = { documents: 30, completed: 12, failed: 3, skipped: 0, cancelled: 15 };
  expect(ended("OPERATION_CANCELLED", totals)?.text).toBe("Cancelled: 12 of 30 documents done, 3 failed, 15 left out");
  expect(ended("OPERATION_CANCELLED", {})?.text).toBe("Cancelled");
});

test("failures are counted before the end", () => {
  const operation = { totals: { documents: 30, completed: 20, failed: 2 } };
  expect(of({ kind: "DOCUMENT_STARTED", progress: 73, document: { fileName: "tides.md" }, operation })).toEqual({
    percent: 73,
    text: "Reading tides.md (2 of 30 documents failed)",
    outcome: "running",
    failed: 2,
  });
});

test("why a document failed, or waits, is said in the words of the server", () => {
  const document = { fileName: "tides.pdf" };
  const message = "The file is protected with a password.";
  expect(of({ kind: "DOCUMENT_FAILED", progress: 50, document, message })?.text).toBe(
    "tides.pdf could not be indexed: The file is protected with a password.",
  );
});

test("documents that wait for space say so, and that they continue automatically", () => {
  const waiting = of({ kind: "DOCUMENT_RETRYING", progress: 20, operation: { waitsForSpace: true } });
  expect(waiting).toMatchObject({ percent: 20, outcome: "waiting" });
  expect(waiting?.text).toMatch(/disk is nearly full.*continue automatically/);
  expect(of({ kind: "DOCUMENT_STARTED", progress: 20, operation: { waitsForSpace: false } })?.outcome).toBe("running");
});

test("an operation has ended when nothing more will happen to it", () => {
  const isOver = (event: Event) => {
    const progress = of(event);
    return progress && hasEnded(progress);
  };
  expect(isOver({ kind: "DOCUMENT_STARTED", progress: 0 })).toBe(false);
  expect(isOver({ kind: "OPERATION_CREATED", progress: 0, operation: { waitsForSpace: true } })).toBe(false);
  for (const kind of ["OPERATION_COMPLETED", "OPERATION_FAILED", "OPERATION_CANCELLED"] as const) {
    expect(isOver({ kind, progress: 100 })).toBe(true);
  }
});

test("the operation that is watched is known, so that its failures can be looked at", () => {
  expect(of({ kind: "OPERATION_COMPLETED", progress: 100, operation: { id: "o1", totals: GOOD } })?.operationId).toBe("o1");
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
  expect(of({ kind: "A_LATER_KIND" as "OPERATION_STARTED", progress: 1 })).toBeUndefined();
});
