import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";
import { operationOfAddress } from "./address";
import { useOpen } from "./useOpen";

/** Opens the operation that a link to the explorer has behind its `#op=`. It is shown, and not run. */
export function OpenFromAddress() {
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));
  const open = useOpen();

  useEffect(() => {
    if (!queryEditor || !variableEditor) return;
    const operation = operationOfAddress(location.hash);
    if (!operation) return;
    history.replaceState(null, "", location.pathname);
    open(operation);
    variableEditor.setValue(operation.variables);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when the editors appear
  }, [queryEditor, variableEditor]);

  return null;
}
