import { expect, test } from "vitest";
import { move, moveWords } from "./moves";

const ranking = (...ids: string[]) => ids.map((id, index) => ({ rank: index + 1, document: { id } }));

test("documents are told by how far they moved, and those that are only in one list as new", () => {
  const before = ranking("a", "b", "c");
  const after = ranking("c", "b", "d");
  expect(after.map((hit) => moveWords(move(hit, before)))).toEqual(["+2", "same", "new"]);
  expect(before.map((hit) => moveWords(move(hit, after)))).toEqual(["new", "same", "−2"]);
});
