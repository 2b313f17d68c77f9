import { useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";
import type { Store } from "../../store";
import { savedOperations } from "../walk/operations";
import { useOpen } from "../walk/useOpen";
import { type Progress, hasEnded } from "./progress";

const listFailures = savedOperations.find(({ name }) => name === "ListFailures");

/** A bar below the response while an operation is followed. Another tab ends the subscription, and the bar with it. */
export function ProgressBar({ store }: { store: Store<Progress | undefined> }) {
  const progress = useSyncExternalStore(store.subscribe, store.get);
  const tabId = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const open = useOpen();
  useEffect(() => { store.set(undefined); }, [store, tabId]);

  if (!progress) return null;
  const { percent, text, outcome, failed, operationId } = progress;
  return (
    <div className={`docent-progress docent-${outcome}`}>
      <progress max={100} value={percent} aria-label="Progress of the operation" />
      <output>
        <strong>{percent} %</strong> {text}
      </output>
      {listFailures && failed > 0 && hasEnded(progress) && (
        <button
          type="button"
          className="docent-button"
          onClick={() => { open(listFailures, operationId ? { operationId } : undefined); }}
        >
          See why
        </button>
      )}
    </div>
  );
}
