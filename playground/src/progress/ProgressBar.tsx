import { useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";
import type { Store } from "../store";
import type { Progress } from "./progress";

/** A bar below the answer, there while an operation is watched. Another tab ends the watching, and the bar with it. */
export function ProgressBar({ store }: { store: Store<Progress | undefined> }) {
  const progress = useSyncExternalStore(store.subscribe, store.get);
  const tabId = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  useEffect(() => { store.set(undefined); }, [store, tabId]);

  if (!progress) return null;
  return (
    <div className={`docent-progress docent-${progress.outcome}`}>
      <progress max={100} value={progress.percent} aria-label="Progress of the operation" />
      <output>
        <strong>{progress.percent} %</strong> {progress.text}
      </output>
    </div>
  );
}
