import { useState } from "react";
import { DeleteDocumentsDocument, type DocumentsDeleteFilter, type DocumentFilter, MatchingDocumentsDocument, type MatchingDocumentsQuery } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll, useAsk } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { Dialog } from "../../ui/Dialog";
import { SelectField, TextField } from "../../ui/Form";
import { Failed, Loading } from "../../ui/States";
import { say } from "../../ui/toasts";
import { count, number } from "../../ui/words";
import { ComesBack } from "./ComesBack";
import { repeat } from "./repeat";
import { STATUS, STATUS_NAMES, type StatusName } from "./status";

export interface Condition {
  status: readonly StatusName[];
  uriPrefix: string;
  sourceId: string;
}

interface DeleteMatchingProps {
  collection: { id: string; name: string };
  sources: readonly { id: string; name: string }[];
  /** What the page shows now. */
  first: Condition;
  onClose: () => void;
}

/** Deletes the documents of a collection that have something in common, and says how many that are before it does. */
export function DeleteMatching({ collection, sources, first, onClose }: DeleteMatchingProps) {
  const [condition, setCondition] = useState(first);
  const [isAsking, setAsking] = useState(false);
  const filter = filterOf(condition);
  const hasCondition = Object.keys(filter).length > 0;
  const { data, error, isFetching, refetch } = useAsk(MatchingDocumentsDocument, { id: collection.id, filter }, { enabled: hasCondition, staleTime: 0, keepsPrevious: true });
  const matching = hasCondition ? data?.collection?.documents : undefined;
  const total = matching?.totalCount ?? 0;
  const concerned = sources.filter(({ id }) => condition.sourceId === "" || condition.sourceId === id);
  const set = (changes: Partial<Condition>) => { setCondition({ ...condition, ...changes }); };

  async function remove() {
    const input: { filter: DocumentsDeleteFilter } = { filter: { collectionId: collection.id, ...filter } };
    try {
      const deleted = await repeat(async () => {
        const { deletedIds, hasMore } = await change(DeleteDocumentsDocument, { input });
        return { done: deletedIds.length, hasMore };
      });
      say(`${count(deleted, "document")} deleted`);
    } finally {
      refreshAll();
    }
  }

  if (isAsking) {
    return (
      <Confirm title={`Delete ${count(total, "document")} of ${collection.name}?`} action={`Delete ${count(total, "document")}`} run={remove} onClose={onClose}>
        <p>{total === 1 ? "The document, its original and its passages are deleted." : "The documents, their originals and their passages are deleted."} There is no way back.</p>
        <ComesBack sources={concerned} collection={collection.id} />
      </Confirm>
    );
  }
  return (
    <Dialog title="Delete documents that match" onClose={onClose}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); setAsking(true); }}>
        <fieldset>
          <legend>Status</legend>
          <div className="row wrap">
            {STATUS_NAMES.map(([name, words]) => (
              <label key={name} className="check">
                <input type="checkbox" checked={condition.status.includes(name)} onChange={({ target }) => { set({ status: target.checked ? [...condition.status, name] : condition.status.filter((other) => other !== name) }); }} />
                <span>{words}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <TextField name="uriPrefix" label="Address begins with" className="input mono" spellCheck={false} autoComplete="off" maxLength={2000} placeholder="letters/2024/" value={condition.uriPrefix} onChange={({ target }) => { set({ uriPrefix: target.value }); }} />
        {sources.length > 0 && (
          <SelectField name="sourceId" label="Comes from" value={condition.sourceId} options={[["", "anywhere"], ...sources.map(({ id, name }): [string, string] => [id, name])]} onChange={(sourceId) => { set({ sourceId }); }} />
        )}
        <div className="card pad stack tight" role="status">
          {!hasCondition ? (
            <p className="muted">Choose at least one condition. All that are chosen have to hold.</p>
          ) : error ? (
            <Failed error={error} onRetry={() => void refetch()} />
          ) : matching ? (
            <Matching documents={matching} />
          ) : (
            <Loading rows={2} />
          )}
        </div>
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p danger" disabled={total === 0 || isFetching}>{total === 0 ? "Delete" : `Delete ${count(total, "document")}`}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Matching({ documents: { nodes, totalCount } }: { documents: NonNullable<MatchingDocumentsQuery["collection"]>["documents"] }) {
  if (totalCount === 0) return <p className="muted">No document is like this.</p>;
  return (
    <>
      <p><strong>{count(totalCount, "document")}</strong> {totalCount === 1 ? "is" : "are"} like this:</p>
      <ul className="uris">
        {nodes.map(({ id, uri }) => <li key={id} className="mono break">{uri}</li>)}
        {totalCount > nodes.length && <li className="muted">and {number(totalCount - nodes.length)} more</li>}
      </ul>
    </>
  );
}

/** What holds of the documents; what is not chosen is left out. */
export function filterOf({ status, uriPrefix, sourceId }: Condition): DocumentFilter {
  return {
    ...(status.length > 0 && { status: status.flatMap((name) => STATUS[name]) }),
    ...(uriPrefix && { uriPrefix }),
    ...(sourceId && { sourceId }),
  };
}
