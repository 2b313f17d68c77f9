import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { DocumentRowFragment } from "../../api/generated/graphql";
import { FileKindIcon } from "../../ui/FileKind";
import { SMALL, Trash2 } from "../../ui/Icon";
import { DocumentBadge } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { count, kind, size } from "../../ui/words";
import { folderOf } from "../../upload/plan";
import { hasFailed } from "./failedDocuments";
import { ReplaceButton } from "./ReplaceButton";
import { RetryButton } from "./RetryButton";

interface TableProps {
  collection: { id: string; name: string };
  documents: DocumentRowFragment[];
  /** How many there are, when all are loaded. */
  total: number | undefined;
  hasMore: boolean;
  onMore: () => void;
  onDelete: ((ids: string[], returning: number) => void) | undefined;
  mayAdd: boolean;
}

/** Only the rows on the screen are in the page, so that ten thousand are as quick as ten. */
export function DocumentTable({ collection, documents, total, hasMore, onMore, onDelete, mayAdd }: TableProps) {
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState(-1);
  useLayoutEffect(() => { setMargin(body.current ? body.current.getBoundingClientRect().top + scrollY : 0); }, [documents.length]);
  const rows = useWindowVirtualizer({
    count: documents.length,
    estimateSize: () => 45,
    overscan: 12,
    scrollMargin: margin,
    getItemKey: (index) => documents[index]?.id ?? index,
  });
  const items = rows.getVirtualItems();
  const end = items.at(-1)?.index ?? 0;
  useEffect(() => { if (hasMore && end >= documents.length - 30) onMore(); }, [hasMore, end, documents.length, onMore]);

  function choose(event: MouseEvent, index: number) {
    const next = new Set(chosen);
    const isChosen = !chosen.has(documents[index]?.id ?? "");
    const [from, to] = event.shiftKey && last >= 0 ? [Math.min(last, index), Math.max(last, index)] : [index, index];
    for (const { id } of documents.slice(from, to + 1)) {
      if (isChosen) next.add(id);
      else next.delete(id);
    }
    setChosen(next);
    setLast(index);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "a" || !onDelete) return;
    event.preventDefault();
    setChosen(new Set(documents.map(({ id }) => id)));
  }

  const selected = documents.filter(({ id }) => chosen.has(id));
  return (
    <>
      {onDelete && selected.length > 0 && (
        <div className="bar selection" role="group" aria-label="Selection">
          <strong>{count(selected.length, "document")} selected</strong>
          {mayAdd && selected.every(hasFailed) && (
            <RetryButton of={{ ids: selected.map(({ id }) => id) }} onDone={() => { setChosen(new Set()); }}>Try again</RetryButton>
          )}
          <button type="button" className="btn s danger" onClick={() => { onDelete(selected.map(({ id }) => id), selected.filter(({ source }) => source).length); setChosen(new Set()); }}>
            <Trash2 {...SMALL} /> Delete
          </button>
          <button type="button" className="btn ghost s" onClick={() => { setChosen(new Set()); }}>Clear</button>
        </div>
      )}
      <div className="card docs" role="table" aria-label="Documents" aria-rowcount={(total ?? documents.length) + 1} onKeyDown={onKeyDown}>
        <div role="rowgroup">
          <div className="doc header" role="row" aria-rowindex={1}>
            <span role="columnheader">{onDelete && <span className="vh">Select</span>}</span>
            <span role="columnheader">Name</span>
            <span role="columnheader" className="hide-s">Kind</span>
            <span role="columnheader" className="hide-s">Size</span>
            <span role="columnheader">Status</span>
            <span role="columnheader" className="hide-s">Detail</span>
            <span role="columnheader" className="hide-s">Added</span>
          </div>
        </div>
        <div ref={body} role="rowgroup" className="rows" style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const document = documents[item.index];
            return document && (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                className="doc"
                role="row"
                aria-rowindex={item.index + 2}
                style={{ transform: `translateY(${item.start - margin}px)` }}
              >
                <span role="cell">
                  {onDelete && (
                    <input
                      type="checkbox"
                      aria-label={`Select ${document.fileName}`}
                      checked={chosen.has(document.id)}
                      readOnly
                      onClick={(event) => { choose(event, item.index); }}
                    />
                  )}
                </span>
                <Row collection={collection} document={document} mayAdd={mayAdd} />
              </div>
            );
          })}
        </div>
        {documents.length === 0 && <p className="pad muted">No document is like this.</p>}
      </div>
    </>
  );
}

function Row({ collection, document, mayAdd }: { collection: { id: string; name: string }; document: DocumentRowFragment; mayAdd: boolean }) {
  const { id, fileName, uri, contentType, fileSize, status, createdAt } = document;
  const folder = uri.endsWith(fileName) ? folderOf(uri) : "";
  return (
    <>
      <span role="cell" className="name">
        <FileKindIcon contentType={contentType} fileName={fileName} />
        <span className="grow">
          <Link to="/collections/$id/documents/$documentId" params={{ id: collection.id, documentId: id }} search={{}} className="break">{fileName}</Link>
          {folder && (
            <>
              {" "}
              <Link from="/collections/$id/documents" to="/collections/$id/documents" params={{ id: collection.id }} search={(before) => ({ ...before, under: `${folder}/` })} className="faint small folder" title="Only what is under it">{folder}</Link>
            </>
          )}
        </span>
      </span>
      <span role="cell" className="muted hide-s">{kind(contentType, fileName)}</span>
      <span role="cell" className="muted num hide-s">{size(fileSize)}</span>
      <span role="cell"><DocumentBadge status={status} /></span>
      <span role="cell" className="muted detail">
        <Detail document={document} />
        {mayAdd && hasFailed(document) && (
          <>
            {document.error?.retryable !== false && <RetryButton of={{ ids: [id] }}>Try again</RetryButton>}
            <ReplaceButton collection={collection} uri={uri} />
          </>
        )}
      </span>
      <span role="cell" className="faint small hide-s"><Time at={createdAt} /></span>
    </>
  );
}

function Detail({ document: { error, chunkCount, status, warnings } }: { document: DocumentRowFragment }) {
  if (error && status !== "COMPLETED") return <span className="reason" title={error.message}>{error.message}</span>;
  if (status !== "COMPLETED") return null;
  return (
    <span>
      {count(chunkCount, "passage")}
      {warnings.length > 0 && <span className="warn" title={warnings.map(({ message }) => message).join("\n")}> · {count(warnings.length, "warning")}</span>}
    </span>
  );
}
