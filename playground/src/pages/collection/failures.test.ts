import { expect, test } from "vitest";
import { byCode, csvOf, failureOf } from "./failures";

const failure = (path: string, code: string) => ({ path, code, message: `About ${path}`, retryable: false });

test("failures are grouped by their reason, most first", () => {
  expect(byCode([failure("a", "NO_TEXT"), failure("b", "EMPTY_FILE"), failure("c", "EMPTY_FILE")])).toEqual([
    { code: "EMPTY_FILE", count: 2, message: "About b" },
    { code: "NO_TEXT", count: 1, message: "About a" },
  ]);
});

test("names with quotes, commas and formulas stay names in a table", () => {
  const [, row] = csvOf([failure('=cmd|"x",1.txt', "NO_TEXT")]).split("\r\n");
  expect(row).toBe('"\'=cmd|""x"",1.txt","NO_TEXT","About =cmd|""x"",1.txt","no"');
});

test("a document without a reason has a word for it", () => {
  expect(failureOf({ uri: "a.md", error: null })).toEqual({ path: "a.md", code: "UNKNOWN", message: "No reason is known.", retryable: true });
});
