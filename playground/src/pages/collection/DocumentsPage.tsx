import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useMemo, useState, useSyncExternalStore } from "react";
import "./documents.css";
import { type DocumentFilter, DocumentCountsDocument, DocumentsDocument, SourceNamesDocument } from "../../api/generated/graphql";
import { useAsk, usePages } from "../../app/queries";
import { Code, SMALL, Trash2, X } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { number } from "../../ui/words";
import { JobCard } from "../../upload/JobCard";
import { jobs } from "../../upload/jobs";
import { useCollection } from "./context";
import { DeleteMatching } from "./DeleteMatching";
import { DocumentTable } from "./DocumentTable";
import { DropBox, EmptyCollection } from "./DropBox";
import { FailedBar } from "./FailedBar";
import { RunningOperations } from "./RunningOperations";
import { STATUS, STATUS_NAMES } from "./status";
import { useDeletion } from "./useDeletion";
import { useLiveDocuments } from "./useLiveDocuments";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/collections/$id/documents");

const CHIPS = [[undefined, "All"], ...STATUS_NAMES] as const;

/** The documents of a collection, and what is on its way into it. */
export function DocumentsPage() {
  const collection = useCollection();
  const { id } = collection;
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const [open, setOpen] = useState<"code" | "delete">();
  const close = () => { setOpen(undefined); };
  const place = { ...(asked.source && { sourceId: asked.source }), ...(asked.under && { uriPrefix: asked.under }) };
  const isPlaced = Object.keys(place).length > 0;
  const { data: known, isPending: isUnknown } = useAsk(DocumentCountsDocument, { id });
  const all = known?.collection;
  const counts = useAsk(DocumentCountsDocument, { id, ...place }).data?.collection;
  const seesSources = collection.viewerCan.includes("OPERATION_READ");
  const sources = useAsk(SourceNamesDocument, { id }, { enabled: seesSources }).data?.collection?.sources.nodes ?? [];
  const filter: DocumentFilter = {
    ...place,
    ...(asked.q && { fileNameContains: asked.q }),
    ...(asked.status && { status: STATUS[asked.status] }),
  };
  const variables = (after: string | null) => ({
    id,
    filter,
    orderBy: asked.sort === "name" ? ({ field: "FILE_NAME", direction: "ASC" } as const) : null,
    after,
  });
  const pages = usePages(DocumentsDocument, variables, {
    pageInfo: (data) => data.collection?.documents.pageInfo,
    keepsPrevious: true,
  });
  const deletion = useDeletion();
  const documents = useMemo(
    () =>
      (pages.data?.pages.flatMap(({ collection }) => collection?.documents.nodes ?? []) ?? []).filter(
        (document) => !deletion.hidden.has(document.id),
      ),
    [pages.data, deletion.hidden],
  );
  const mine = useSyncExternalStore(jobs.subscribe, jobs.get).filter(({ state }) => state.get().collectionId === id);
  const others = useLiveDocuments(id, mine);
  const mayAdd = collection.viewerCan.includes("DOCUMENT_INGEST");
  const mayDelete = collection.viewerCan.includes("DOCUMENT_DELETE");
  const set = (changes: Partial<typeof asked>) => {
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  };
  const isEmpty = all?.all.totalCount === 0 && mine.length === 0 && others.length === 0;

  return (
    <>
      {mine.map((job) => <JobCard key={job.state.get().id} job={job} />)}
      <RunningOperations operations={others} />
      {isUnknown ? (
        // A dialog for files that was opened from a box that is replaced would lead nowhere.
        <div className="card"><Loading /></div>
      ) : isEmpty ? (
        <EmptyCollection collection={collection} mayAdd={mayAdd} />
      ) : (
        <>
          {mayAdd && <DropBox collection={collection} />}
          <div className="bar">
            <span role="group" aria-label="Status" className="row wrap">
              {CHIPS.map(([status, words]) => (
                <button key={words} type="button" className="chip" aria-pressed={asked.status === status} onClick={() => { set({ status }); }}>
                  {words} {counts && <span className="num">{number(counts[status ?? "all"].totalCount)}</span>}
                </button>
              ))}
            </span>
            <FindByName value={asked.q ?? ""} onChange={(q) => { set({ q: q || undefined }); }} />
            {sources.length > 0 && (
              <select className="input s" aria-label="Source" value={asked.source ?? ""} onChange={({ target }) => { set({ source: target.value || undefined }); }}>
                <option value="">From anywhere</option>
                {sources.map(({ id, name }) => <option key={id} value={id}>From {name}</option>)}
              </select>
            )}
            {asked.under && (
              <button type="button" className="chip on" aria-label={`Under ${asked.under}: show the others, too`} onClick={() => { set({ under: undefined }); }}>
                <span className="under">Under {asked.under}</span> <X {...SMALL} />
              </button>
            )}
            <select className="input s" aria-label="Order" value={asked.sort ?? ""} onChange={(event) => { set({ sort: event.target.value === "name" ? "name" : undefined }); }}>
              <option value="">Newest first</option>
              <option value="name">By name</option>
            </select>
            <span className="grow" />
            {mayDelete && <button type="button" className="btn s" onClick={() => { setOpen("delete"); }}><Trash2 {...SMALL} /> Delete several</button>}
            <button type="button" className="btn s hide-s" onClick={() => { setOpen("code"); }}><Code {...SMALL} /> Use in code</button>
          </div>
          {(all?.failed.totalCount ?? 0) > 0 && !isPlaced && asked.status !== "searchable" && asked.status !== "working" && (
            <FailedBar collection={collection} count={all?.failed.totalCount ?? 0} isFiltered={asked.status === "failed"} mayAdd={mayAdd} />
          )}
          {pages.error && documents.length === 0 ? (
            <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
          ) : pages.isPending ? (
            <div className="card"><Loading /></div>
          ) : (
            <DocumentTable
              collection={collection}
              documents={documents}
              total={counts?.[asked.status ?? "all"].totalCount}
              hasMore={pages.hasNextPage}
              onMore={() => { if (!pages.isFetchingNextPage) void pages.fetchNextPage(); }}
              onDelete={mayDelete ? deletion.remove : undefined}
              mayAdd={mayAdd}
            />
          )}
        </>
      )}
      <Suspense>
        {open === "code" && <UseInCode title="These documents in code" document={DocumentsDocument} variables={variables(null)} collection={id} onClose={close} />}
      </Suspense>
      {open === "delete" && (
        <DeleteMatching
          collection={collection}
          sources={sources}
          first={{ status: asked.status ? [asked.status] : [], uriPrefix: asked.under ?? "", sourceId: asked.source ?? "" }}
          onClose={close}
        />
      )}
    </>
  );
}

/** Filters when the keys are quiet. */
function FindByName({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [timer, setTimer] = useState<ReturnType<typeof setTimeout>>();
  return (
    <input
      className="input s find"
      type="search"
      aria-label="Find by name"
      placeholder="Find by name"
      defaultValue={value}
      onChange={({ target }) => {
        clearTimeout(timer);
        setTimer(setTimeout(() => { onChange(target.value.trim()); }, 250));
      }}
    />
  );
}
