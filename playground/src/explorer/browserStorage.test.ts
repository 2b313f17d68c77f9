import { beforeEach, expect, test } from "vitest";
import { BrowserStorage, CARRIED_IDS_KEY, TABS_KEY } from "./browserStorage";

class Place implements Storage {
  readonly kept = new Map<string, string>();
  [name: string]: unknown;
  get length() { return this.kept.size; }
  key(index: number) { return [...this.kept.keys()][index] ?? null; }
  getItem(key: string) { return this.kept.get(key) ?? null; }
  setItem(key: string, value: string) { this.kept.set(key, value); }
  removeItem(key: string) { this.kept.delete(key); }
  clear() { this.kept.clear(); }
}

let shared: Place;
const window = () => new BrowserStorage(new Place(), shared);

beforeEach(() => {
  shared = new Place();
});

test.each([TABS_KEY, CARRIED_IDS_KEY])("each window keeps its own %s", (key) => {
  const [one, other] = [window(), window()];
  one.setItem(key, "of one");
  other.setItem(key, "of the other");
  expect(one.getItem(key)).toBe("of one");
  expect(other.getItem(key)).toBe("of the other");
});

test("a new window begins with what was kept last", () => {
  window().setItem(TABS_KEY, "first");
  window().setItem(TABS_KEY, "last");
  expect(window().getItem(TABS_KEY)).toBe("last");
});

test("the rest is the same for all windows", () => {
  const [one, other] = [window(), window()];
  one.setItem("graphiql:theme", "dark");
  expect(other.getItem("graphiql:theme")).toBe("dark");
  other.removeItem("graphiql:theme");
  expect(one.getItem("graphiql:theme")).toBeNull();
});

test("what is cleared is gone, and what others keep at this address stays", () => {
  const one = window();
  shared.setItem("another:app", "stays");
  for (const key of [TABS_KEY, CARRIED_IDS_KEY, "graphiql:theme"]) one.setItem(key, "x");
  one.clear();
  for (const key of [TABS_KEY, CARRIED_IDS_KEY, "graphiql:theme"]) expect(one.getItem(key)).toBeNull();
  expect(shared.getItem("another:app")).toBe("stays");
});

test("without any storage things last as long as the page", () => {
  const nothing = new BrowserStorage(undefined, undefined);
  nothing.setItem(TABS_KEY, "here");
  expect(nothing.getItem(TABS_KEY)).toBe("here");
  nothing.removeItem(TABS_KEY);
  expect(nothing.getItem(TABS_KEY)).toBeNull();
});
