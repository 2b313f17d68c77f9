import { Link, getRouteApi, useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, Suspense, lazy, useState } from "react";
import "./collections.css";
import { CollectionCreateDocument, CollectionsDocument, ModelsDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refreshAll, useAsk, usePages, useSession } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { Dialog } from "../../ui/Dialog";
import { Complaints, SelectField, TextArea, TextField } from "../../ui/Form";
import { Code, Globe, LARGE, Library, Lock, Plus, SMALL } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { useWork } from "../../ui/useWork";
import { count, size } from "../../ui/words";
import { chunkingInput, chunkingOf } from "../generations/chunking";
import { CHUNKING_FIELDS, ChunkingFields } from "../generations/ChunkingFields";
import { modelState, modelWords } from "../generations/words";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/collections");

const SHOWN = [[undefined, "All"], ["mine", "Yours"], ["shared", "Shared with you"], ["public", "Public"]] as const;

export function CollectionsPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const { username } = useSession();
  const { viewer } = useFrame();
  const [open, setOpen] = useState<"new" | "code">();
  const variables = (after: string | null) => ({
    filter: {
      ...(asked.q && { nameContains: asked.q }),
      ...(asked.show === "mine" && viewer && { ownerId: viewer.id }),
      ...(asked.show === "public" && { isPublic: true }),
    },
    orderBy: asked.sort === "name" ? ({ field: "NAME", direction: "ASC" } as const) : null,
    after,
  });
  const pages = usePages(CollectionsDocument, variables, {
    pageInfo: (data) => data.collections?.pageInfo,
    every: 10_000,
    keepsPrevious: true,
  });
  const all = pages.data?.pages.flatMap(({ collections }) => collections?.nodes ?? []) ?? [];
  // The API has no filter for what others share.
  const shown = all.filter(({ viewerRole }) => asked.show !== "shared" || viewerRole === "EDITOR" || viewerRole === "VIEWER");
  const set = (changes: Partial<typeof asked>) => { void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }); };

  return (
    <>
      <div className="head">
        <div className="grow"><Heading>Collections</Heading></div>
        <button type="button" className="btn" onClick={() => { setOpen("code"); }}><Code {...SMALL} /> Use in code</button>
        {username && <button type="button" className="btn p" onClick={() => { setOpen("new"); }}><Plus {...SMALL} /> New collection</button>}
      </div>
      <div className="bar">
        {username && (
          <span role="group" aria-label="Which collections" className="row wrap">
            {SHOWN.map(([show, words]) => (
              <button key={words} type="button" className="chip" aria-pressed={asked.show === show} onClick={() => { set({ show }); }}>{words}</button>
            ))}
          </span>
        )}
        <input
          className="input s find"
          type="search"
          aria-label="Find by name"
          placeholder="Find by name"
          defaultValue={asked.q}
          onChange={({ target }) => { set({ q: target.value.trim() || undefined }); }}
        />
        <select className="input s" aria-label="Order" value={asked.sort ?? ""} onChange={(event) => { set({ sort: event.target.value === "name" ? "name" : undefined }); }}>
          <option value="">Newest first</option>
          <option value="name">By name</option>
        </select>
      </div>
      {pages.error && all.length === 0 ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading rows={4} /></div>
      ) : shown.length === 0 ? (
        <div className="card">
          <Empty icon={<Library {...LARGE} />} title={asked.q || asked.show ? "No collection is like this" : "No collections yet"}>
            {username ? (
              <>
                <p>A collection is a set of documents that are searched together and shared together.</p>
                <button type="button" className="btn p" onClick={() => { setOpen("new"); }}><Plus {...SMALL} /> New collection</button>
              </>
            ) : (
              <>
                <p>No collection is public. Sign in to see your own.</p>
                <Link to="/sign-in" search={{ next: "/collections" }} className="btn p">Sign in</Link>
              </>
            )}
          </Empty>
        </div>
      ) : (
        <ul className="collections">
          {shown.map((collection) => {
            const isWorking = collection.operations.nodes.some(({ status }) => status === "PENDING" || status === "PROCESSING");
            return (
              <li key={collection.id} className="card">
                <div className="row">
                  <h2 className="grow break">
                    <Link to="/collections/$id/documents" params={{ id: collection.id }} search={{}}>{collection.name}</Link>
                  </h2>
                  {collection.isPublic ? <span className="badge"><Globe size={12} aria-hidden /> Public</span> : <Lock {...SMALL} className="faint" aria-hidden={false} aria-label="Private" role="img" />}
                </div>
                <p className="muted about">{collection.description ?? "No description"}</p>
                <p className="small muted num">
                  {count(collection.documentCount, "document")} · {count(collection.chunkCount, "passage")} · {size(collection.totalBytes)}
                </p>
                <p className="row small muted">
                  <span className="grow clip">{collection.viewerRole === "OWNER" ? "Yours" : `By ${collection.owner.username}`}</span>
                  {isWorking ? <span className="badge a"><span className="live" /> Working</span> : <Time at={collection.updatedAt} />}
                </p>
              </li>
            );
          })}
        </ul>
      )}
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
      {open === "new" && <NewCollection onClose={() => { setOpen(undefined); }} />}
      <Suspense>
        {open === "code" && <UseInCode title="Your collections in code" document={CollectionsDocument} variables={variables(null)} onClose={() => { setOpen(undefined); }} />}
      </Suspense>
    </>
  );
}

function NewCollection({ onClose }: { onClose: () => void }) {
  const work = useWork();
  const navigate = useNavigate();
  const [model, setModel] = useState("");
  const models = useAsk(ModelsDocument, {}).data?.embeddingModels ?? [];

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => ((form.get(name) as string | null) ?? "").trim();
    work.run(async () => {
      const chunking = chunkingInput(chunkingOf((name) => form.get(name) as string | null));
      const { collection } = await change(CollectionCreateDocument, {
        input: {
          name: text("name"),
          description: text("description") || null,
          isPublic: form.has("isPublic"),
          ...(model && { embeddingModel: model }),
          ...(Object.keys(chunking).length > 0 && { chunking }),
        },
      });
      refreshAll();
      onClose();
      if (collection) await navigate({ to: "/collections/$id/documents", params: { id: collection.id }, search: {} });
    });
  }

  return (
    <Dialog title="New collection" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField name="name" label="Name" required autoFocus autoComplete="off" complaints={work.complaints} />
        <TextArea name="description" label="Description (optional)" complaints={work.complaints} />
        <label className="check">
          <input type="checkbox" name="isPublic" />
          <span>Public: everyone who reaches this server can read and search it, without an account</span>
        </label>
        <details>
          <summary>Advanced</summary>
          <div className="stack pad">
            <p className="muted small">How documents are read and cut into passages. To change it later, build a new index.</p>
            {models.length > 1 && (
              <SelectField
                name="embeddingModel"
                label="Model"
                value={model}
                options={models.map((each, index) => [index === 0 ? "" : each.name, `${modelWords(each)} (${modelState(each.state)[0]})`])}
                onChange={setModel}
                complaints={work.complaints}
              />
            )}
            <ChunkingFields otherwise="What each document is" complaints={work.complaints} />
          </div>
        </details>
        <Complaints of={work.complaints} except={["name", "description", "embeddingModel", ...CHUNKING_FIELDS]} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>Create the collection</button>
        </div>
      </form>
    </Dialog>
  );
}
