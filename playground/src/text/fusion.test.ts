import { expect, test } from "vitest";
import { type FusedHit, fusionConstant, shareOf } from "./fusion";

const hit = (score: number, semantic?: number, lexical?: number): FusedHit => ({
  score,
  explanation: {
    legs: [
      ...(semantic ? [{ leg: "SEMANTIC" as const, rank: semantic }] : []),
      ...(lexical ? [{ leg: "LEXICAL" as const, rank: lexical }] : []),
    ],
  },
});

test("the constant follows from a score and its ranks", () => {
  expect(fusionConstant([hit(1 / 11 + 1 / 10, 2, 1)])).toBeCloseTo(9, 3);
  expect(fusionConstant([hit(1 / 61, 1)])).toBeCloseTo(60, 2);
  expect(fusionConstant([])).toBe(0);
});

test("a score is the sum of what its legs add", () => {
  const shares = shareOf(hit(1 / 11 + 1 / 10, 2, 1), 9);
  expect(shares.semantic).toBeCloseTo(1 / 11, 6);
  expect(shares.lexical).toBeCloseTo(1 / 10, 6);
  expect(shares.best).toBeCloseTo(0.2, 6);
  expect(shareOf(hit(0.05, undefined, 11), 9)).toMatchObject({ semantic: 0 });
});
