import { expect, test } from "vitest";
import { chunkingInput, chunkingOf, writeChunking } from "./chunking";

const read = (address: string) => chunkingOf((name) => new URLSearchParams(address).get(name));

test("an address is a way to cut, and the other way round", () => {
  const chunking = { strategy: "SEMANTIC", maxTokens: 64, overlapTokens: 0, driftPercentile: 80 } as const;
  expect(read(writeChunking(chunking))).toEqual(chunking);
  expect(writeChunking({ maxTokens: undefined })).toBe("");
  expect(read("strategy=MAGIC&maxTokens=many&overlapTokens=&parentMaxTokens=-1")).toEqual({});
});

test("settings of one strategy are given with it", () => {
  expect(chunkingInput({ strategy: "TOKEN", maxTokens: 32, driftPercentile: 80 })).toEqual({ strategy: "TOKEN", maxTokens: 32 });
  expect(chunkingInput({ strategy: "SEMANTIC", maxTokens: 32, driftPercentile: 80 })).toEqual({ semantic: { maxTokens: 32, driftPercentile: 80 } });
  expect(chunkingInput({ strategy: "HIERARCHICAL", overlapTokens: 0, parentMaxTokens: 500 })).toEqual({
    hierarchical: { overlapTokens: 0, parentMaxTokens: 500 },
  });
  expect(chunkingInput({})).toEqual({});
});
