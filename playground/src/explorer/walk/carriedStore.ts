/** The carried ids, kept in the browser as GraphiQL keeps its tabs, so that both agree after a reload. */
import { CARRIED_IDS_KEY, browserStorage } from "../browserStorage";
import { createStore } from "../../store";
import { type CarriedAnswer, type CarriedIds, learn } from "./carried";

export const carriedIds = createStore<CarriedIds>(load());

export function learnFrom(data: CarriedAnswer): void {
  const known = learn(carriedIds.get(), data);
  if (known === carriedIds.get()) return;
  carriedIds.set(known);
  try {
    browserStorage.setItem(CARRIED_IDS_KEY, JSON.stringify(known));
  } catch {
    // Without space the ids last until the page is reloaded.
  }
}

function load(): CarriedIds {
  try {
    return (JSON.parse(browserStorage.getItem(CARRIED_IDS_KEY) ?? "{}") as CarriedIds | null) ?? {};
  } catch {
    return {};
  }
}
