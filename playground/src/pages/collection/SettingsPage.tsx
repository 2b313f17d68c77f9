import { Link, useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import { DeleteCollectionDocument, UpdateCollectionDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { Complaints, TextArea, TextField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { count } from "../../ui/words";
import { chunkingWords, modelWords } from "../generations/words";
import { useCollection } from "./context";

/** What the owner can change. */
export function SettingsPage() {
  const collection = useCollection();
  const { id, name, description, isPublic, meta, viewerCan, chunking, embeddingModel, documentCount } = collection;
  const work = useWork();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"public" | "private" | "delete">();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    work.run(async () => {
      let values: unknown;
      try {
        values = JSON.parse((form.get("meta") as string).trim() || "{}");
      } catch {
        throw new Error("The metadata is not JSON. Write an object such as {\"project\": \"north\"}.");
      }
      await change(UpdateCollectionDocument, {
        input: {
          collectionId: id,
          name: (form.get("name") as string).trim(),
          description: (form.get("description") as string).trim() || null,
          meta: values,
        },
      });
      refreshAll();
      say("Saved");
    });
  }

  const setPublic = async (next: boolean) => {
    await change(UpdateCollectionDocument, { input: { collectionId: id, isPublic: next } });
    refreshAll();
  };

  return (
    <div className="stack settings">
      <form key={id} className="card pad form" onSubmit={submit}>
        <TextField name="name" label="Name" defaultValue={name} required complaints={work.complaints} />
        <TextArea name="description" label="Description" defaultValue={description ?? ""} complaints={work.complaints} />
        <TextArea name="meta" label="Metadata" className="input mono" spellCheck={false} defaultValue={JSON.stringify(meta, null, 2)} hint="A JSON object of your own." complaints={work.complaints} />
        <Complaints of={work.complaints} except={["name", "description", "meta"]} />
        <div><button type="submit" className="btn p" disabled={work.isBusy}>Save</button></div>
      </form>
      <section className="card pad stack tight">
        <h2>{isPublic ? "Public" : "Private"}</h2>
        <p className="muted">{isPublic ? "Anybody who reaches this server can read it without an account." : "Only members can read it."}</p>
        <div><button type="button" className="btn" onClick={() => { setAsking(isPublic ? "private" : "public"); }}>{isPublic ? "Make it private" : "Make it public"}</button></div>
      </section>
      <section className="card pad stack tight">
        <h2>How it is indexed</h2>
        <dl className="facts">
          <dt>Model</dt><dd>{modelWords(embeddingModel)}</dd>
          <dt>Passages</dt><dd>{chunkingWords(chunking)}</dd>
        </dl>
        <div><Link to="/collections/$id/index" params={{ id }} search={{}} className="btn">Change or compare</Link></div>
      </section>
      {viewerCan.includes("COLLECTION_DELETE") && (
        <section className="card pad stack tight danger-zone">
          <h2>Delete this collection</h2>
          <p className="muted">Its {count(documentCount, "document")}, their originals and everything found in them go with it. There is no way back.</p>
          <div><button type="button" className="btn danger" onClick={() => { setAsking("delete"); }}>Delete the collection</button></div>
        </section>
      )}
      {asking === "delete" && (
        <Confirm
          title={`Delete ${name}?`}
          action="Delete for ever"
          typed={name}
          run={async () => {
            await change(DeleteCollectionDocument, { id });
            refreshAll();
            await navigate({ to: "/collections", search: {} });
            say(`${name} is being deleted`);
          }}
          onClose={() => { setAsking(undefined); }}
        >
          <p>{count(documentCount, "document")} will be deleted. There is no way back.</p>
        </Confirm>
      )}
      {(asking === "public" || asking === "private") && (
        <Confirm
          title={asking === "public" ? `Make ${name} public?` : `Make ${name} private?`}
          action={asking === "public" ? "Make it public" : "Make it private"}
          isHarmless={asking === "private"}
          run={() => setPublic(asking === "public")}
          onClose={() => { setAsking(undefined); }}
        >
          <p>{asking === "public" ? "Anybody who reaches this server can read it without an account." : "Only members can read it from now on."}</p>
        </Confirm>
      )}
    </div>
  );
}
