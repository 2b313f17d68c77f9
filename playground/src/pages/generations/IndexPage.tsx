import { Suspense, lazy, useState } from "react";
import "./generations.css";
import { type GenerationRowFragment, GenerationsDocument, PromoteDocument, RollBackDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll, useAsk } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { Code, RotateCcw, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { say } from "../../ui/toasts";
import { useCollection } from "../collection/context";
import { BuildingIndex } from "./BuildingIndex";
import { CompareIndexes } from "./CompareIndexes";
import { IndexTable } from "./IndexTable";
import { ReindexDialog } from "./ReindexDialog";
import { generationWords } from "./words";

const UseInCode = lazy(() => import("../../code/UseInCode"));

/** The indexes of a collection: what searches read, what is built beside it, and what they can go back to. */
export function IndexPage() {
  const { id, viewerCan } = useCollection();
  const [asking, setAsking] = useState<"reindex" | "rollBack" | "code" | GenerationRowFragment>();
  const close = () => { setAsking(undefined); };
  const { data, error, refetch } = useAsk(GenerationsDocument, { id }, { every: 2_000 });
  const generations = data?.collection?.generations ?? [];
  const active = generations.find(({ state }) => state === "ACTIVE");
  const building = generations.find(({ state }) => state === "BUILDING");
  const canRollBack = generations.some(({ state, promotedAt }) => state === "RETIRED" && promotedAt !== null);

  if (error && !data) return <div className="card"><Failed error={error} onRetry={() => void refetch()} /></div>;
  if (!data) return <div className="card"><Loading rows={3} /></div>;
  return (
    <div className="stack">
      {building && <BuildingIndex generation={building} />}
      {viewerCan.includes("COLLECTION_UPDATE") && active && (
        <div className="row wrap">
          <button type="button" className="btn p" disabled={building !== undefined} onClick={() => { setAsking("reindex"); }}>Build a new index</button>
          {canRollBack && <button type="button" className="btn" disabled={building !== undefined} onClick={() => { setAsking("rollBack"); }}><RotateCcw {...SMALL} /> Go back to the one before</button>}
          <button type="button" className="btn" onClick={() => { setAsking("code"); }}><Code {...SMALL} /> Use in code</button>
        </div>
      )}
      <IndexTable generations={generations.toReversed()} onPromote={setAsking} />
      {generations.length > 1
        ? <CompareIndexes collectionId={id} generations={generations} />
        : <p className="muted small">When there is a second index, both can be compared here on your own questions.</p>}
      {asking === "reindex" && active && <ReindexDialog collectionId={id} active={active} onClose={close} />}
      {asking === "rollBack" && (
        <Confirm title="Go back to the index before?" action="Go back" isHarmless run={() => choose(change(RollBackDocument, { input: { collectionId: id } }))} onClose={close}>
          <p>Searches read the index that was active before this one. What was added since is brought into it first.</p>
        </Confirm>
      )}
      <Suspense>
        {asking === "code" && <UseInCode title="These indexes in code" document={GenerationsDocument} variables={{ id }} collection={id} onClose={close} />}
      </Suspense>
      {typeof asking === "object" && (
        <Confirm title="Use this index?" action="Use it" isHarmless run={() => choose(change(PromoteDocument, { input: { generationId: asking.id } }))} onClose={close}>
          <p>{generationWords(asking)}. What was added since it was retired is brought into it first; then searches read it.</p>
        </Confirm>
      )}
    </div>
  );
}

async function choose(work: Promise<{ operation: { id: string } | null }>): Promise<void> {
  const { operation } = await work;
  refreshAll();
  say(operation ? "It is brought up to date, and then used." : "Searches read it from now on.");
}
