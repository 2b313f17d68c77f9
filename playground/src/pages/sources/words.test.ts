import { expect, test } from "vitest";
import { intervalWords, intervals, linesOf, runWords, whereOf } from "./words";

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
  expect(runWords({ ...run, found: 1, added: 1, removed: 0, unchanged: 0 }, "page")).toBe("1 page: 1 added");
});

test("a source is told by where it reads", () => {
  const nothing = { directory: null, web: null, bucket: null };
  const limits = { include: [], exclude: [], maxFileBytes: "1", maxPages: 1, requestsPerMinute: 1 };
  const web = { ...limits, page: null, sitemap: null, urls: null };
  const page = { url: "https://example.org/a/", depth: 1, prefix: "https://example.org/a/" };
  const bucket = { ...limits, bucket: "papers", prefix: "2026/", endpoint: null, region: "us-east-1", accessKeyId: null };
  expect([
    whereOf({ ...nothing, directory: { ...limits, path: "/srv/papers", hidden: false } }),
    whereOf({ ...nothing, web: { ...web, page } }),
    whereOf({ ...nothing, web: { ...web, sitemap: "https://example.org/sitemap.xml" } }),
    whereOf({ ...nothing, web: { ...web, urls: ["https://example.org/a", "https://example.org/b"] } }),
    whereOf({ ...nothing, bucket }),
    whereOf({ ...nothing, bucket: { ...bucket, endpoint: "https://store.example.org" } }),
  ]).toEqual([
    "/srv/papers",
    "https://example.org/a/ and pages up to 1 link away",
    "https://example.org/sitemap.xml",
    "https://example.org/a and 1 other page",
    "s3://papers/2026/",
    "s3://papers/2026/ at https://store.example.org",
  ]);
});

test("entries are the lines that are not empty", () => {
  expect(linesOf(" *.md \n\n**/old/** \n")).toEqual(["*.md", "**/old/**"]);
});
