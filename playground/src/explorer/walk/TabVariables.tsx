import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";
import { browserStorage } from "../browserStorage";
import { fillIn } from "./carried";
import { carriedIds } from "./carriedStore";
import { keepTabs } from "./keptTabs";

/**
 * Synchronises the editors with the active tab: fills the carried ids into its variables when the tab becomes active or an
 * id arrives, and saves what was typed when the page is left.
 */
export function TabVariables() {
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useGraphiQL(
    pick("tabs", "activeTabIndex", "queryEditor", "variableEditor"),
  );
  const known = useSyncExternalStore(carriedIds.subscribe, carriedIds.get);
  const tab = tabs[activeTabIndex];
  const tabId = tab?.id;

  // Ids and comments are long, and the editors may be narrow.
  useEffect(() => {
    queryEditor?.updateOptions({ wordWrap: "on" });
    variableEditor?.updateOptions({ wordWrap: "on" });
  }, [queryEditor, variableEditor]);

  // The tabs exist before the editors, which start with the tab that was active then.
  useEffect(() => {
    if (!tab || !queryEditor || !variableEditor) return;
    const [query, variables] = [tab.query ?? "", tab.variables ?? ""];
    if (queryEditor.getValue() !== query) queryEditor.setValue(query);
    if (variableEditor.getValue() !== variables) variableEditor.setValue(variables);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when the editors appear, not while the user types
  }, [queryEditor, variableEditor]);

  useEffect(() => {
    if (!queryEditor || !variableEditor) return;
    const variables = variableEditor.getValue();
    const filled = fillIn(known, queryEditor.getValue(), variables);
    if (filled !== variables) variableEditor.setValue(filled);
  }, [known, tabId, queryEditor, variableEditor]);

  useEffect(() => {
    if (!queryEditor || !variableEditor) return;
    const keep = () => {
      const typed = { query: queryEditor.getValue(), variables: variableEditor.getValue() };
      keepTabs(browserStorage, { tabs, activeTabIndex }, typed);
    };
    window.addEventListener("pagehide", keep);
    return () => { window.removeEventListener("pagehide", keep); };
  }, [tabs, activeTabIndex, queryEditor, variableEditor]);

  return null;
}
