import { Link } from "@tanstack/react-router";
import { type GenerationRowFragment, GenerationsDocument, StopOperationDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { attempt } from "../../ui/toasts";
import { OperationProgress } from "../activity/OperationProgress";
import { chunkingWords, modelWords } from "./words";

/** The index that is being filled, live. */
export function BuildingIndex({ generation: { embeddingModel, chunking, operation } }: { generation: GenerationRowFragment }) {
  const stop = (id: string) => change(StopOperationDocument, { id }).then(() => { refresh(GenerationsDocument); });
  return (
    <section className="card pad stack tight" aria-label="New index">
      <div className="row wrap">
        <h2 className="grow">A new index is being built</h2>
        {operation && <Link to="/activity/$operationId" params={{ operationId: operation.id }} search={{}} className="btn s">Follow</Link>}
        {operation?.viewerCan.includes("OPERATION_CANCEL") && (
          <button type="button" className="btn s danger" onClick={() => { attempt(stop(operation.id), "Stopped. The present index stays."); }}>Stop</button>
        )}
      </div>
      <p className="muted small">{modelWords(embeddingModel)} · {chunkingWords(chunking)}</p>
      {operation && <OperationProgress operation={operation} />}
      <p className="muted small">Searches use the present index until this one is complete. If a document can’t be read again, they keep it.</p>
    </section>
  );
}
