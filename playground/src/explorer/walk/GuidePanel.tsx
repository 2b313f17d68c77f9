import { type GraphiQLPlugin, pick, useGraphiQL } from "@graphiql/react";
import { Fragment, useEffect } from "react";
import { chapters, savedOperations } from "./operations";
import { useOpen } from "./useOpen";

/** A panel of GraphiQL that lists the saved operations and opens them again after their tabs were closed or changed. */
export const guidePlugin: GraphiQLPlugin = { title: "Guide", icon: GuideIcon, content: GuidePanel };

function GuidePanel() {
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const open = useOpen();

  // A new tab is the last of a row that may be longer than the screen.
  useEffect(() => {
    document.querySelector(".graphiql-tab-active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [activeTabIndex, tabs.length]);

  return (
    <section className="docent-guide" aria-label="Guide">
      <h2>Guide</h2>
      <p>Saved requests that show what Docent can do. Choose one to open it in a tab.</p>
      {chapters.map(({ title, operations }) => (
        <Fragment key={title}>
          <h3>{title}</h3>
          <ol>
            {operations.map((operation) => (
              <li key={operation.name}>
                <button type="button" onClick={() => { open(operation); }}>
                  <strong>{savedOperations.indexOf(operation) + 1}. {operation.name}</strong>
                  <span>{operation.description}</span>
                </button>
              </li>
            ))}
          </ol>
        </Fragment>
      ))}
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
