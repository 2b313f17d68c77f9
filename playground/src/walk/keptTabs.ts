/**
 * The tabs as they are kept over a reload.
 *
 * GraphiQL keeps the text of its editors a second time, beside the tabs, and opens one more tab when no kept tab has
 * exactly that text. The copies are written at different moments, one of them only after somebody has typed, and so the
 * text belonged to no tab: a reload opened one that was empty. Told what to begin with, GraphiQL does not ask the copy.
 */
import type { TabsState } from "@graphiql/react";
import { TABS_KEY } from "../browserStorage";

export interface TabText {
  query: string;
  variables: string;
}

type Reader = Pick<Storage, "getItem">;
type Writer = Pick<Storage, "getItem" | "setItem">;

/** What the editors show first: the kept tab that was in front, or else the first of a first visit. */
export function textToBeginWith(storage: Reader, firstTab: TabText): TabText {
  try {
    const kept = JSON.parse(storage.getItem(TABS_KEY) ?? "") as Partial<TabsState>;
    const inFront = kept.tabs?.[kept.activeTabIndex ?? 0];
    if (inFront) return { query: inFront.query ?? "", variables: inFront.variables ?? "" };
  } catch {
    // Nothing is kept, or nothing that GraphiQL could read either.
  }
  return firstTab;
}

/**
 * Keeps the tabs as they are now, with what was typed into the one in front. GraphiQL does so half a second after a
 * change; who leaves the page earlier would lose it. When nothing is kept any more, somebody has just cleared it.
 */
export function keepTabs(storage: Writer, state: TabsState, typed: TabText): void {
  if (storage.getItem(TABS_KEY) === null) return;
  const tabs = state.tabs.map((tab, index) => {
    const text = index === state.activeTabIndex ? { ...tab, ...typed } : tab;
    // Answers are not kept, nor headers, in which there may be a token.
    return { ...text, hash: null, headers: null, response: null };
  });
  try {
    storage.setItem(TABS_KEY, JSON.stringify({ tabs, activeTabIndex: state.activeTabIndex }));
  } catch {
    // There is no space: what GraphiQL kept before is what will be there.
  }
}
