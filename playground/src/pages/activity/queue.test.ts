import { expect, test } from "vitest";
import { queueWords } from "./queue";

test.each([[1, "Next in line"], [2, "1 operation before it"], [12, "11 operations before it"]])("place %s is «%s»", (position, words) => {
  expect(queueWords(position)).toBe(words);
});
