/** The carried ids, kept in the browser as GraphiQL keeps its tabs, so that both agree after a reload. */
import { createStore } from "../store";
import { type CarriedAnswer, type CarriedIds, learn } from "./carried";

const KEY = "docent:carriedIds";

export const carriedIds = createStore<CarriedIds>(load());

export function learnFrom(data: CarriedAnswer): void {
  const known = learn(carriedIds.get(), data);
  if (known === carriedIds.get()) return;
  carriedIds.set(known);
  try {
    localStorage.setItem(KEY, JSON.stringify(known));
  } catch {
    // Without storage the ids last until the page is reloaded.
  }
}

function load(): CarriedIds {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as CarriedIds;
  } catch {
    return {};
  }
}
