import { Suspense, lazy, useState } from "react";
import { SourcesDocument } from "../../api/generated/graphql";
import { usePages } from "../../app/queries";
import { Code, FolderOpen, LARGE, Plus, SMALL } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { useCollection } from "../collection/context";
import { SourceCard, type SourceRights } from "./SourceCard";
import { SourceForm } from "./SourceForm";

const UseInCode = lazy(() => import("../../code/UseInCode"));

/** The places that a collection follows. */
export function SourcesPage() {
  const { id, viewerCan } = useCollection();
  const [open, setOpen] = useState<"new" | "code">();
  const close = () => { setOpen(undefined); };
  const pages = usePages(SourcesDocument, (after) => ({ id, after }), { pageInfo: (data) => data.collection?.sources.pageInfo, every: 2_000 });
  const sources = pages.data?.pages.flatMap(({ collection }) => collection?.sources.nodes ?? []) ?? [];
  const may = rightsOf(viewerCan);
  const create = <button type="button" className="btn p" onClick={() => { setOpen("new"); }}><Plus {...SMALL} /> Add a source</button>;

  return (
    <div className="stack">
      {pages.error && sources.length === 0 ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading rows={3} /></div>
      ) : sources.length === 0 ? (
        <div className="card">
          <Empty icon={<FolderOpen {...LARGE} />} title="This collection has no source">
            <p>A directory on the server’s disk, a site or a bucket can be followed: what is there becomes documents, and what changes there changes here.</p>
            {may.change && create}
          </Empty>
        </div>
      ) : (
        <>
          <div className="row wrap">
            {may.change && create}
            <button type="button" className="btn" onClick={() => { setOpen("code"); }}><Code {...SMALL} /> Use in code</button>
          </div>
          {sources.map((source) => <SourceCard key={source.id} collectionId={id} source={source} may={may} />)}
        </>
      )}
      {pages.hasNextPage && <p><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
      {open === "new" && <SourceForm collectionId={id} onClose={close} />}
      <Suspense>
        {open === "code" && <UseInCode title="These sources in code" document={SourcesDocument} variables={{ id }} collection={id} onClose={close} />}
      </Suspense>
    </div>
  );
}

/** What the server demands for each. */
function rightsOf(can: ReturnType<typeof useCollection>["viewerCan"]): SourceRights {
  const sees = can.includes("OPERATION_READ");
  const changes = sees && can.includes("COLLECTION_UPDATE");
  const deletes = can.includes("DOCUMENT_DELETE");
  return {
    sync: sees && can.includes("DOCUMENT_INGEST"),
    change: changes && can.includes("DOCUMENT_INGEST"),
    remove: changes && deletes,
    deleteDocuments: deletes,
  };
}
