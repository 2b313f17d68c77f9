import { Link, Outlet, getRouteApi } from "@tanstack/react-router";
import { useEffect } from "react";
import { CollectionPageDocument, type ModelStateFragment } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { useAsk } from "../../app/queries";
import { SMALL, Search, Upload, Users } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { collectionOfPage } from "../../upload/intake";
import { modelWords } from "../generations/words";
import { AddButton } from "./AddButton";
import { CollectionContext } from "./context";

const route = getRouteApi("/collections/$id");

/** What all pages of a collection have: its name, what it is, its tabs. */
export function CollectionLayout() {
  const { id } = route.useParams();
  const { data, error, refetch } = useAsk(CollectionPageDocument, { id }, { every: 4_000 });
  const collection = data?.collection;
  const mayAdd = collection?.viewerCan.includes("DOCUMENT_INGEST") ?? false;
  const name = collection?.name;

  useEffect(() => {
    if (!mayAdd || name === undefined) return;
    collectionOfPage.set({ id, name });
    return () => { collectionOfPage.set(undefined); };
  }, [id, name, mayAdd]);

  if (error) return <><Heading isHidden>Collection</Heading><Failed error={error} onRetry={() => void refetch()} /></>;
  if (!data) return <Loading />;
  if (!collection) return <><Heading isHidden>Collection</Heading><Failed error={new Error("There is no such collection, or you may not see it.")} /></>;
  const can = (action: (typeof collection.viewerCan)[number]) => collection.viewerCan.includes(action);
  const { chunking } = collection;

  return (
    <CollectionContext value={{ ...collection, refetch: () => void refetch() }}>
      <div className="crumb"><Link to="/collections" search={{}}>Collections</Link> ›</div>
      <div className="head">
        <div className="grow">
          <Heading>{collection.name}</Heading>
          <p className="muted small">
            {collection.isPublic ? "Public" : "Private"} · {roleWords(collection.viewerRole, collection.owner.username)} ·{" "}
            {modelWords(collection.embeddingModel)} · {chunking.maxTokens} tokens
          </p>
          {collection.description && <p>{collection.description}</p>}
        </div>
        <Link to="/search" search={{ in: id }} className="btn"><Search {...SMALL} /> Search</Link>
        {can("MEMBER_MANAGE") && <Link to="/collections/$id/members" params={{ id }} className="btn hide-s"><Users {...SMALL} /> Share</Link>}
        {mayAdd && <AddButton collection={collection}><Upload {...SMALL} /> Add documents</AddButton>}
      </div>
      <ModelNotice model={collection.embeddingModel} />
      {collection.status === "DELETING" && <p className="note warn">This collection is being deleted.</p>}
      <nav className="tabs" aria-label="Collection">
        <Link to="/collections/$id/documents" params={{ id }} activeOptions={{ includeSearch: false }}>Documents</Link>
        {can("OPERATION_READ") && <Link to="/collections/$id/sources" params={{ id }}>Sources</Link>}
        {can("COLLECTION_UPDATE") && <Link to="/collections/$id/index" params={{ id }} activeOptions={{ includeSearch: false }}>Index</Link>}
        {can("OPERATION_READ") && <Link to="/collections/$id/activity" params={{ id }}>Activity</Link>}
        {can("MEMBER_READ") && <Link to="/collections/$id/members" params={{ id }}>Members</Link>}
        {can("COLLECTION_UPDATE") && <Link to="/collections/$id/settings" params={{ id }}>Settings</Link>}
      </nav>
      <Outlet />
    </CollectionContext>
  );
}

function ModelNotice({ model: { name, state } }: { model: ModelStateFragment }) {
  switch (state) {
    case "INSTALLED":
    case "LOADED":
      return null;
    case "MISSING":
      return <p className="note warn">This collection was embedded with {name}, which this server does not have now. It is searched by words only, until a new index is built with another model.</p>;
    case "UNAVAILABLE":
      return <p className="note warn">{name} runs on another server, which does not answer. New documents wait for it, and searches use words only.</p>;
  }
}

function roleWords(role: "OWNER" | "EDITOR" | "VIEWER" | null, owner: string): string {
  switch (role) {
    case "OWNER": return "yours";
    case "EDITOR": return `owned by ${owner}, you can edit`;
    case "VIEWER": return `owned by ${owner}, you can read`;
    case null: return `owned by ${owner}`;
  }
}
