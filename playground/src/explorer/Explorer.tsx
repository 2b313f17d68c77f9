import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { AccountBox } from "./AccountBox";
import { session, socket } from "../api/ask";
import { browserStorage } from "./browserStorage";
import { DropNotice } from "./DropNotice";
import { createFetcher } from "./fetcher";
import { ProgressBar } from "./progress/ProgressBar";
import { type Progress, hasEnded, progressOf } from "./progress/progress";
import { createStore } from "../store";
import { learnFrom } from "./walk/carriedStore";
import { guidePlugin } from "./walk/GuidePanel";
import { OpenFromAddress } from "./walk/OpenFromAddress";
import { textToBeginWith } from "./walk/keptTabs";
import { chapters } from "./walk/operations";
import { TabVariables } from "./walk/TabVariables";

const progress = createStore<Progress | undefined>(undefined);
const fetcher = createFetcher(session, socket, {
  answered: learnFrom,
  event: (data) => { progress.set(progressOf(data)); },
  ended() {
    const last = progress.get();
    if (last && !hasEnded(last)) progress.set(undefined);
  },
});
const plugins = [HISTORY_PLUGIN, guidePlugin];
const firstTabs = chapters[0].operations.map(({ query, variables }) => ({ query, variables }));
const first = textToBeginWith(browserStorage, firstTabs[0] ?? { query: "", variables: "" });

export function Explorer() {
  return (
    <>
      <header className="docent-header">
        <a href="./" className="docent-home">
          <img src="./mark.svg" alt="" width="28" height="28" />
          <h1>Docent</h1>
        </a>
        <p>
          Six tabs lead from a first search to your own collection. Run them in order with ▶ or Ctrl-Enter. The guide
          has more.
        </p>
        <AccountBox session={session} />
      </header>
      <main className="docent-main">
        <GraphiQL
          fetcher={fetcher}
          storage={browserStorage}
          plugins={plugins}
          defaultTabs={firstTabs}
          initialQuery={first.query}
          initialVariables={first.variables}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          schemaDescription
        >
          <GraphiQL.Logo>{null}</GraphiQL.Logo>
          <GraphiQL.Footer>
            <ProgressBar store={progress} />
          </GraphiQL.Footer>
          <TabVariables />
          <OpenFromAddress />
        </GraphiQL>
      </main>
      <DropNotice />
    </>
  );
}
