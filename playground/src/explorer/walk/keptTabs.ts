/**
 * The tabs as they are kept over a reload.
 *
 * GraphiQL stores the text of its editors a second time, beside the tabs, and opens another tab if no stored tab has
 * exactly that text. The copies are written at different times, one of them only after the user has typed. So the text
 * belonged to no tab, and a reload opened an empty one. If it gets an initial text, GraphiQL does not read the copy.
 */
import type { TabsState } from "@graphiql/react";
import { TABS_KEY } from "../browserStorage";

export interface TabText {
  query: string;
  variables: string;
}

type Reader = Pick<Storage, "getItem">;
type Writer = Pick<Storage, "getItem" | "setItem">;

/** The initial text of the editors: the stored tab that was active, or else the first tab of a first visit. */
export function textToBeginWith(storage: Reader, firstTab: TabText): TabText {
  try {
    const kept = JSON.parse(storage.getItem(TABS_KEY) ?? "") as Partial<TabsState>;
    const inFront = kept.tabs?.[kept.activeTabIndex ?? 0];
    if (inFront) return { query: inFront.query ?? "", variables: inFront.variables ?? "" };
  } catch {
    // Nothing is stored, or nothing that GraphiQL could read either.
  }
  return firstTab;
}

/**
 * Stores the tabs as they are now, with what was typed into the active one. GraphiQL does so half a second after a
 * change; leaving the page earlier would lose the change. If nothing is stored any longer, the user has just cleared it.
 */
export function keepTabs(storage: Writer, state: TabsState, typed: TabText): void {
  if (storage.getItem(TABS_KEY) === null) return;
  const tabs = state.tabs.map((tab, index) => {
    const text = index === state.activeTabIndex ? { ...tab, ...typed } : tab;
    // Responses are not stored, nor headers, which may contain a token.
    return { ...text, hash: null, headers: null, response: null };
  });
  try {
    storage.setItem(TABS_KEY, JSON.stringify({ tabs, activeTabIndex: state.activeTabIndex }));
  } catch {
    // There is no space: the earlier copy of GraphiQL stays.
  }
}
