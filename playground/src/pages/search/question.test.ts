import { expect, test } from "vitest";
import { type Hit, collectionIds, firstWeak, inputOf } from "./question";

test("an address is a question", () => {
  expect(inputOf({ q: "tides" })).toEqual({ query: "tides", mode: "HYBRID" });
  expect(inputOf({ q: "tides", in: "a,b", mode: "words", group: "doc", min: "0.3" })).toEqual({
    query: "tides",
    mode: "LEXICAL",
    collectionIds: ["a", "b"],
    groupBy: "DOCUMENT",
    minScore: 0.3,
  });
  expect(collectionIds({ in: "" })).toEqual([]);
});

const hit = (semantic?: number, lexical?: number) =>
  ({
    explanation: {
      legs: [
        ...(semantic === undefined ? [] : [{ leg: "SEMANTIC", rank: 1, score: semantic }]),
        ...(lexical === undefined ? [] : [{ leg: "LEXICAL", rank: 1, score: lexical }]),
      ],
    },
  }) as unknown as Hit;

test("weak matches are those at the end that meaning alone found, and hardly", () => {
  expect(firstWeak([hit(0.6), hit(0.1, 3), hit(0.2), hit(0.1)])).toBe(2);
  expect(firstWeak([hit(0.1), hit(0.05)])).toBe(0);
  expect(firstWeak([hit(0.2), hit(undefined, 2)])).toBeUndefined();
  expect(firstWeak([])).toBeUndefined();
});
