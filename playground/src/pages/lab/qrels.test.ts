import { expect, test } from "vitest";
import { judged, readQrels, writeQrels } from "./qrels";

test("a judgement is given, changed and taken back", () => {
  const one = judged({}, "tides?", "a", 1);
  expect(judged(one, "tides?", "a", 0)).toEqual({ "tides?": { a: 0 } });
  expect(judged(one, "bees?", "b", 1)).toEqual({ "tides?": { a: 1 }, "bees?": { b: 1 } });
  expect(judged(one, "tides?", "a", undefined)).toEqual({});
});

test("judgements are written as benches read them, and read again", () => {
  const all = { "when do the tides turn?": { a: 1, b: 0 } };
  const table = "query-id\tcorpus-id\tscore\nwhen do the tides turn?\ta\t1\nwhen do the tides turn?\tb\t0\n";
  expect(writeQrels(all)).toBe(table);
  expect(readQrels(table.replaceAll("\n", "\r\n"))).toEqual(all);
  expect(() => readQrels("tides?\ta")).toThrow("Line 1");
  expect(() => readQrels("query-id\tcorpus-id\tscore\ntides?\ta\tgood")).toThrow("Line 2");
});
