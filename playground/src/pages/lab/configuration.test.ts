import { expect, test } from "vitest";
import { comparedBy, labSides, questionsOf, readConfiguration, searchInputs, writeConfiguration } from "./configuration";

test("an address is a configuration, and the other way round", () => {
  const configuration = { in: "x,y", mode: "words", group: "doc", min: "0.3", index: "i" } as const;
  expect(readConfiguration("a", writeConfiguration(configuration))).toEqual(configuration);
  expect(readConfiguration("b", writeConfiguration({}))).toEqual({});
  expect(readConfiguration("a", "mode=guessing&in=&other=1")).toEqual({});
});

test("a first visit compares both legs with one of them", () => {
  expect(readConfiguration("a", undefined)).toEqual({});
  expect(readConfiguration("b", undefined)).toEqual({ mode: "meaning" });
});

test("the search page brings its search, beside one of the other kind", () => {
  expect(labSides({ q: "tides", in: "x", group: "doc" })).toEqual({ a: "mode=both&in=x&group=doc", b: "mode=meaning&in=x&group=doc" });
  expect(labSides({ mode: "meaning", min: "0.3" })).toEqual({ a: "mode=meaning&min=0.3", b: "mode=both" });
});

test("questions are the lines of a text, each once", () => {
  expect(questionsOf(" one \n\ntwo\none")).toEqual(["one", "two"]);
  expect(questionsOf(undefined)).toEqual([]);
  expect(questionsOf(Array.from({ length: 60 }, (_, index) => `q${index}`).join("\n"))).toHaveLength(50);
});

test("of two indexes, documents are compared and not passages", () => {
  expect(comparedBy({}, { mode: "words" })).toBe("passage");
  expect(comparedBy({}, { group: "doc" })).toBe("document");
  expect(searchInputs("tides", { in: "x" }, { in: "x", index: "i", mode: "meaning" })).toEqual({
    a: { query: "tides", mode: "HYBRID", collectionIds: ["x"], groupBy: "DOCUMENT" },
    b: { query: "tides", mode: "SEMANTIC", generationId: "i", groupBy: "DOCUMENT" },
  });
});
