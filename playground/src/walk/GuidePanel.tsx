import { type GraphiQLPlugin, pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { type SavedOperation, savedOperations } from "./operations";

/** A panel of GraphiQL that lists the saved operations and opens them again after their tabs were closed or changed. */
export const guidePlugin: GraphiQLPlugin = { title: "Guide", icon: GuideIcon, content: GuidePanel };

function GuidePanel() {
  const { tabs, queryEditor, variableEditor } = useGraphiQL(pick("tabs", "queryEditor", "variableEditor"));
  const { addTab, changeTab } = useGraphiQLActions();

  function open(operation: SavedOperation) {
    const index = tabs.findIndex((tab) => tab.query?.trim() === operation.query.trim());
    if (index >= 0) {
      changeTab(index);
      return;
    }
    addTab();
    queryEditor?.setValue(operation.query);
    variableEditor?.setValue(operation.variables);
  }

  return (
    <section className="docent-guide" aria-label="Guide">
      <h2>Guide</h2>
      <p>Six requests that walk through Docent’s main job. Choose one to open it in a tab.</p>
      <ol>
        {savedOperations.map((operation, index) => (
          <li key={operation.name}>
            <button type="button" onClick={() => { open(operation); }}>
              <strong>{index + 1}. {operation.name}</strong>
              <span>{operation.description}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function GuideIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" aria-hidden="true">
      <circle cx="5" cy="6" r="2" />
      <circle cx="5" cy="18" r="2" />
      <path d="M5 8.5v7M11 6h8M11 12h6M11 18h8" />
    </svg>
  );
}
