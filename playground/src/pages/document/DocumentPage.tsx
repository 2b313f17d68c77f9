import { Link, getRouteApi, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useMemo, useState } from "react";
import "./document.css";
import { DeleteDocumentsDocument, DocumentPageDocument, type DocumentPageQuery, DocumentPassagesDocument } from "../../api/generated/graphql";
import { change, download } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refreshAll, useAsk, usePages } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { Code, Download, FlaskConical, Pencil, SMALL, Trash2 } from "../../ui/Icon";
import { save } from "../../ui/save";
import { Failed, Loading } from "../../ui/States";
import { DocumentBadge } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";
import { count, kind, size } from "../../ui/words";
import { ComesBack } from "../collection/ComesBack";
import { ReplaceButton } from "../collection/ReplaceButton";
import { EditDialog } from "./EditDialog";
import { Facts } from "./Facts";
import { FailureStory } from "./FailureStory";
import { Outline } from "./Outline";
import { PassageCards } from "./PassageCards";
import { ReadText } from "./ReadText";
import type { PassagePiece } from "./passages";

const Original = lazy(() => import("./Original"));
const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/collections/$id/documents/$documentId");

type ShownDocument = NonNullable<DocumentPageQuery["document"]>;

const VIEWS = [[undefined, "Text"], ["original", "Original"], ["passages", "Passages"]] as const;

/** A document: its text with its passages, its original, what is known of it. */
export function DocumentPage() {
  const { id: collectionId, documentId: id } = route.useParams();
  const { passage, view } = route.useSearch();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"edit" | "delete" | "code">();
  const { data, error, refetch } = useAsk(DocumentPageDocument, { id }, { every: 5_000 });
  const document = data?.document;
  const pages = usePages(DocumentPassagesDocument, (after) => ({ id, after }), { pageInfo: (data) => data.document?.chunks.pageInfo });
  const passages = useMemo((): PassagePiece[] => pages.data?.pages.flatMap(({ document }) => document?.chunks.nodes ?? []) ?? [], [pages.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  // A text is read from its beginning, and a link may point at its end.
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  if (error) return <><Heading isHidden>Document</Heading><Failed error={error} onRetry={() => void refetch()} /></>;
  if (!data) return <Loading />;
  if (!document) return <><Heading isHidden>Document</Heading><Failed error={new Error("There is no such document, or you may not see it.")} /></>;
  const { collection, fileName, title, uri, downloadUrl, status, chunkCount, pageCount } = document;
  const mayChange = collection.viewerCan.includes("DOCUMENT_INGEST");
  const choose = (chosen: string) => {
    void navigate({ from: "/collections/$id/documents/$documentId", to: ".", search: (before) => ({ ...before, passage: chosen }), replace: true, resetScroll: false });
  };
  const current = passages.find((piece) => piece.id === passage);

  async function keep() {
    if (!downloadUrl) return;
    save(fileName, await download(downloadUrl));
  }

  return (
    <>
      <div className="crumb">
        <Link to="/collections" search={{}}>Collections</Link> ›
        <Link to="/collections/$id/documents" params={{ id: collection.id }} search={{}}>{collection.name}</Link> ›
      </div>
      <div className="head">
        <div className="grow">
          <Heading>{title ?? fileName}</Heading>
          <p className="row wrap muted small">
            <DocumentBadge status={status} />
            <span>{kind(document.contentType, fileName)} · {size(document.fileSize)}{pageCount !== null && ` · ${count(pageCount, "page")}`} · {count(chunkCount, "passage")}</span>
            <span>added <Time at={document.createdAt} /></span>
          </p>
        </div>
        <button type="button" className="btn" onClick={() => { setOpen("code"); }}><Code {...SMALL} /> Use in code</button>
        {status === "COMPLETED" && <Link to="/lab/chunking" search={{ doc: id }} className="btn hide-s"><FlaskConical {...SMALL} /> Cut otherwise</Link>}
        {downloadUrl && <button type="button" className="btn" onClick={() => { attempt(keep()); }}><Download {...SMALL} /> Download</button>}
        {mayChange && <button type="button" className="btn" onClick={() => { setOpen("edit"); }}><Pencil {...SMALL} /> Edit</button>}
        {mayChange && <ReplaceButton collection={collection} uri={uri} className="btn" />}
        {collection.viewerCan.includes("DOCUMENT_DELETE") && (
          <button type="button" className="btn danger" onClick={() => { setOpen("delete"); }}><Trash2 {...SMALL} /> Delete</button>
        )}
      </div>
      {document.error && status !== "COMPLETED" && <FailureStory document={document} />}
      {document.warnings.length > 0 && (
        <ul className="note warn warnings">
          {document.warnings.map(({ message, page }, index) => <li key={index}>{page !== null && `Page ${page}: `}{message}</li>)}
        </ul>
      )}
      <div className="reader">
        <div className="side-by">
          <Outline passages={passages} total={chunkCount} chosen={passage} onChoose={choose} />
          <Facts document={document} />
        </div>
        <div>
          <nav className="tabs" aria-label="View">
            {VIEWS.map(([name, words]) => (
              <Link
                key={words}
                to="/collections/$id/documents/$documentId"
                params={{ id: collectionId, documentId: id }}
                search={{ passage, view: name }}
                replace
                resetScroll={false}
                activeOptions={{ explicitUndefined: true }}
              >
                {words}
              </Link>
            ))}
          </nav>
          {view === "original" ? (
            <Suspense fallback={<Loading />}><Original document={document} passage={current} /></Suspense>
          ) : pages.isPending ? (
            <Loading />
          ) : passages.length === 0 ? (
            <NoPassages document={document} />
          ) : view === "passages" ? (
            <PassageCards passages={passages} chosen={passage} onChoose={choose} />
          ) : (
            <ReadText documentId={id} contentHash={document.contentHash} passages={passages} chosen={passage} onChoose={choose} />
          )}
        </div>
      </div>
      {open === "edit" && <EditDialog document={document} onClose={() => { setOpen(undefined); }} />}
      {open === "delete" && (
        <Confirm
          title={`Delete ${fileName}?`}
          action="Delete"
          run={async () => {
            await change(DeleteDocumentsDocument, { input: { ids: [id] } });
            refreshAll();
            await navigate({ to: "/collections/$id/documents", params: { id: collection.id }, search: {} });
          }}
          onClose={() => { setOpen(undefined); }}
        >
          <p>The document, its original and its passages are deleted. There is no way back.</p>
          <ComesBack sources={document.source ? [document.source] : []} collection={collection.id} />
        </Confirm>
      )}
      <Suspense>
        {open === "code" && <UseInCode title="This document in code" document={DocumentPassagesDocument} variables={{ id }} collection={collection.id} onClose={() => { setOpen(undefined); }} />}
      </Suspense>
    </>
  );
}

function NoPassages({ document: { status, contentType, collection } }: { document: ShownDocument }) {
  if (contentType === "application/zip" && status === "COMPLETED") {
    return (
      <div className="card pad stack tight">
        <p>This is an archive. Each readable file in it is a document of its own, with the archive’s address before its own.</p>
        <div><Link to="/collections/$id/documents" params={{ id: collection.id }} search={{ sort: "name" }} className="btn">Show the documents</Link></div>
      </div>
    );
  }
  return <p className="card pad muted">{status === "COMPLETED" ? "Nothing in it was cut into passages." : "There is no text yet."}</p>;
}
