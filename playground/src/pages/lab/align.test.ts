import { expect, test } from "vitest";
import { align, histogram } from "./align";

const TEXT = "0123456789abcdefghij";
const chunk = (startOffset: number, endOffset: number) => ({ startOffset, endOffset, content: TEXT.slice(startOffset, endOffset) });
const told = (blocks: ReturnType<typeof align>["a"]) => blocks.map(({ overlap, rest, from, to }) => [overlap, rest, from, to]);

test("the same place of a text is in the same row on both sides", () => {
  const { a, b, rows } = align([chunk(0, 10), chunk(10, 20)], [chunk(0, 5), chunk(5, 10), chunk(10, 20)]);
  expect(rows).toBe(3);
  expect(told(a)).toEqual([["", "0123456789", 1, 3], ["", "abcdefghij", 3, 4]]);
  expect(told(b)).toEqual([["", "01234", 1, 2], ["", "56789", 2, 3], ["", "abcdefghij", 3, 4]]);
});

test("what a chunk repeats is told apart, and gaps belong to what is before them", () => {
  const { a, rows } = align([chunk(0, 10), chunk(7, 14), chunk(16, 20)], []);
  expect(rows).toBe(3);
  expect(told(a)).toEqual([["", "0123456789", 1, 2], ["789", "abcd", 2, 3], ["", "ghij", 3, 4]]);
});

test("a chunk that adds nothing has a row of its own nevertheless", () => {
  const { a } = align([chunk(0, 10), chunk(5, 10), chunk(10, 20)], [chunk(0, 20)]);
  expect(a.every(({ from, to }) => to > from)).toBe(true);
  expect(align([], []).rows).toBe(1);
});

test("a histogram counts chunks by their tokens", () => {
  expect(histogram([1, 10, 119, 120], 120, 12)).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
  expect(histogram([], 0, 2)).toEqual([0, 0]);
});
