import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";
import { fillIn } from "./carried";
import { carriedIds } from "./carriedStore";

/** Fills the carried ids into the variables of the tab in front, when it comes to the front or an id arrives. */
export function TabVariables() {
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useGraphiQL(
    pick("tabs", "activeTabIndex", "queryEditor", "variableEditor"),
  );
  const known = useSyncExternalStore(carriedIds.subscribe, carriedIds.get);
  const tab = tabs[activeTabIndex];
  const tabId = tab?.id;
  const tabVariables = tab?.variables ?? "";

  // Ids and comments are long, and the editors may be narrow.
  useEffect(() => {
    queryEditor?.updateOptions({ wordWrap: "on" });
    variableEditor?.updateOptions({ wordWrap: "on" });
  }, [queryEditor, variableEditor]);

  // GraphiQL shows the variables of its first tab only after a change of tabs.
  useEffect(() => {
    if (variableEditor?.getValue() === "" && tabVariables !== "") variableEditor.setValue(tabVariables);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when the editor is there, not while somebody types
  }, [variableEditor]);

  useEffect(() => {
    if (!queryEditor || !variableEditor) return;
    const variables = variableEditor.getValue();
    const filled = fillIn(known, queryEditor.getValue(), variables);
    if (filled !== variables) variableEditor.setValue(filled);
  }, [known, tabId, queryEditor, variableEditor]);

  return null;
}
