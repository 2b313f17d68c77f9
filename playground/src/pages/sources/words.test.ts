import { expect, test } from "vitest";
import { intervalWords, intervals, patternsOf, runWords } from "./words";

test.each([[1, "Every minute"], [15, "Every 15 minutes"], [60, "Every hour"], [90, "Every 90 minutes"], [360, "Every 6 hours"], [1_440, "Every day"]])(
  "%s minutes are «%s»",
  (minutes, words) => { expect(intervalWords(minutes)).toBe(words); },
);

test("an interval that is not among the usual ones can be kept", () => {
  expect(intervals(null).map(([value]) => value)).toEqual(["", "5", "15", "60", "360", "1440"]);
  expect(intervals(90).map(([value]) => value)).toEqual(["", "5", "15", "60", "90", "360", "1440"]);
});

test("a sync is told by what it did", () => {
  const run = { startedAt: "", completedAt: null, found: 5, added: 2, changed: 0, removed: 1, unchanged: 3, skipped: 0, failed: 0, error: null, operation: null };
  expect(runWords(run)).toBe("5 files: 2 added, 1 deleted, 3 unchanged");
  expect(runWords({ ...run, found: 0, added: 0, removed: 0, unchanged: 0 })).toBe("0 files");
});

test("patterns are the lines that are not empty", () => {
  expect(patternsOf(" *.md \n\n**/old/** \n")).toEqual(["*.md", "**/old/**"]);
});
