import type { TabsState } from "@graphiql/react";
import { expect, test } from "vitest";
import { TABS_KEY } from "../browserStorage";
import { keepTabs, textToBeginWith } from "./keptTabs";

const FIRST = { query: "query First { viewer { id } }", variables: '{"first": 1}' };

const tab = (query: string | null, variables: string | null = null): TabsState["tabs"][number] => ({
  id: String(query),
  hash: "",
  title: "",
  query,
  variables,
  headers: '{"authorization": "Bearer secret"}',
  operationName: null,
  response: "{}",
});

function storageWith(text: string | null) {
  const kept = new Map(text === null ? [] : [[TABS_KEY, text]]);
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => { kept.set(key, value); },
  };
}

const kept = (tabs: TabsState["tabs"], activeTabIndex: number) => storageWith(JSON.stringify({ tabs, activeTabIndex }));

test("the editors begin with the tab that was in front", () => {
  const storage = kept([tab("query A { a }"), tab("query B { b }", '{"b": 1}')], 1);
  expect(textToBeginWith(storage, FIRST)).toEqual({ query: "query B { b }", variables: '{"b": 1}' });
});

test("a tab that was left empty stays empty", () => {
  expect(textToBeginWith(kept([tab("query A { a }"), tab(null)], 1), FIRST)).toEqual({ query: "", variables: "" });
});

test("they begin with the first tab of a first visit when nothing usable is kept", () => {
  for (const text of [null, "", "{", "null", "[]", '{"tabs": []}', '{"tabs": [], "activeTabIndex": 3}']) {
    expect(textToBeginWith(storageWith(text), FIRST)).toEqual(FIRST);
  }
});

test("what was typed a moment ago is kept, answers and headers are not", () => {
  const storage = kept([tab("query Old { a }")], 0);
  const state = { tabs: [tab("query Old { a }"), tab("query B { b }")], activeTabIndex: 0 };
  keepTabs(storage, state, { query: "query New { a }", variables: "{}" });
  expect(textToBeginWith(storage, FIRST)).toEqual({ query: "query New { a }", variables: "{}" });
  expect(storage.getItem(TABS_KEY)).toContain("query B { b }");
  expect(storage.getItem(TABS_KEY)).not.toMatch(/secret|"\{\}","operationName/);
});

test("tabs that somebody cleared are not kept again", () => {
  const storage = storageWith(null);
  keepTabs(storage, { tabs: [tab("query A { a }")], activeTabIndex: 0 }, FIRST);
  expect(storage.getItem(TABS_KEY)).toBeNull();
});
