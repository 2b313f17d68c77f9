import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import type { SavedOperation } from "./operations";

/** Opens a saved operation: in its tab, if one still has the unchanged operation, or else in a new tab. */
export function useOpen(): (operation: SavedOperation, variables?: Record<string, string>) => void {
  const { tabs, queryEditor, variableEditor } = useGraphiQL(pick("tabs", "queryEditor", "variableEditor"));
  const { addTab, changeTab } = useGraphiQLActions();

  return (operation, variables) => {
    const index = tabs.findIndex((tab) => tab.query?.trim() === operation.query.trim());
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor?.setValue(operation.query);
      variableEditor?.setValue(operation.variables);
    }
    if (variables) variableEditor?.setValue(JSON.stringify(variables, null, 2));
  };
}
