import { expect, test } from "vitest";
import { kendall, mean, move, moveWords, ndcg, overlapAt, recall } from "./rankings";

const ranking = (...keys: string[]) => keys.map((key, index) => ({ key, rank: index + 1 }));

test("things are told by how far they moved, and those that are only in one list as new", () => {
  const before = ranking("a", "b", "c");
  const after = ranking("c", "b", "d");
  expect(after.map((ranked) => moveWords(move(ranked, before)))).toEqual(["+2", "same", "new"]);
  expect(before.map((ranked) => moveWords(move(ranked, after)))).toEqual(["new", "same", "−2"]);
});

test("lists overlap in the part that both have among their first", () => {
  expect(overlapAt(ranking("a", "b", "c", "d"), ranking("b", "a", "x", "c"), 2)).toBe(1);
  expect(overlapAt(ranking("a", "b", "c", "d"), ranking("b", "a", "x", "c"), 4)).toBe(0.75);
  expect(overlapAt(ranking("a"), ranking("b"), 10)).toBe(0);
  expect(overlapAt(ranking("a"), [], 10)).toBe(0);
  expect(overlapAt([], [], 10)).toBe(1);
});

test("Kendall's τ is that of what both lists have", () => {
  expect(kendall(ranking("a", "b", "c"), ranking("a", "b", "c"))).toBe(1);
  expect(kendall(ranking("a", "b", "c"), ranking("c", "b", "a"))).toBe(-1);
  expect(kendall(ranking("a", "b", "c"), ranking("b", "x", "a", "c"))).toBeCloseTo(1 / 3);
  expect(kendall(ranking("a", "b"), ranking("b", "c"))).toBeUndefined();
});

test("nDCG and recall follow from what somebody found helpful", () => {
  const grades = { a: 1, c: 1, x: 0 };
  expect(ndcg(ranking("a", "c", "b"), grades, 10)).toBe(1);
  // 1 / log2(3) + 1 / log2(4), of 1 + 1 / log2(3).
  expect(ndcg(ranking("b", "a", "c"), grades, 10)).toBeCloseTo(0.6934, 4);
  expect(ndcg(ranking("b", "a", "c"), grades, 2)).toBeCloseTo(0.3869, 4);
  expect(recall(ranking("b", "a", "c"), grades, 2)).toBe(0.5);
  expect(ndcg(ranking("x"), grades, 10)).toBe(0);
  expect(ndcg(ranking("a"), { a: 0 }, 10)).toBeUndefined();
  expect(recall(ranking("a"), {}, 10)).toBeUndefined();
});

test("a mean is that of the values that there are", () => {
  expect(mean([1, undefined, 0])).toBe(0.5);
  expect(mean([undefined])).toBeUndefined();
});
