import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import type { SavedOperation } from "./operations";

/** What brings a saved operation to the front: its tab, if there is one with the operation as it was, or else a new one. */
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
