import { expect, test } from "vitest";
import { pieces, rangesOf, scalarLength, unitsOf, withoutOverlap } from "./scalars";

test.each([
  ["plain", [0, 2, 5], [0, 2, 5]],
  ["a😀b", [1, 2, 3], [1, 3, 4]],
  ["e\u0301te", [1, 2, 3], [1, 2, 3]],
  ["👩‍👩‍👧", [1, 2, 5], [2, 3, 8]],
  ["short", [9], [5]],
])("positions in %s are counted as the server counts them", (text, scalars, units) => {
  expect(unitsOf(text, scalars)).toEqual(units);
});

test("a text is cut where words match, behind an emoji too", () => {
  expect(pieces("😀 the tide turns", [{ start: 6, end: 10 }])).toEqual([
    { text: "😀 the ", isMarked: false },
    { text: "tide", isMarked: true },
    { text: " turns", isMarked: false },
  ]);
  expect(pieces("tide", [{ start: 0, end: 4 }])).toEqual([{ text: "tide", isMarked: true }]);
  expect(pieces("", [])).toEqual([]);
});

test("the ranges of excerpts are ranges of the whole", () => {
  expect(rangesOf([{ startOffset: 10, ranges: [{ start: 1, end: 3 }] }])).toEqual([{ start: 11, end: 13 }]);
});

test("passages are joined without what the second repeats", () => {
  const first = { content: "one 😀 two", startOffset: 0, endOffset: 9 };
  const second = { content: "😀 two three", startOffset: 4, endOffset: 15 };
  expect(scalarLength(second.content)).toBe(11);
  expect(withoutOverlap(first, second)).toEqual({ overlap: "😀 two", rest: " three" });
  expect(withoutOverlap(undefined, second)).toEqual({ overlap: "", rest: "😀 two three" });
  expect(withoutOverlap(first, { content: "trimmed", startOffset: 4, endOffset: 15 })).toEqual({
    overlap: "",
    rest: "trimmed",
  });
});
