import type { SyntheticEvent } from "react";
import { type DocumentPageQuery, type DocumentUpdateInput, UpdateDocumentDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll } from "../../app/queries";
import { Problem } from "../../session/problem";
import { Dialog } from "../../ui/Dialog";
import { Complaints, TextArea, TextField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";

interface EditDialogProps {
  document: NonNullable<DocumentPageQuery["document"]>;
  onClose: () => void;
}

/** What a document is called and what its owner says of it. */
export function EditDialog({ document, onClose }: EditDialogProps) {
  const { id, fileName, title, meta, source } = document;
  const work = useWork();
  const shown = JSON.stringify(meta, null, 2);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => (form.get(name) as string).trim();
    work.run(async () => {
      const input: DocumentUpdateInput = {
        id,
        // What stays as it is is not given: a title that the file contains would become one that it was given.
        ...(text("fileName") !== fileName && { fileName: text("fileName") }),
        ...(text("title") !== (title ?? "") && { title: text("title") || null }),
        ...(text("meta") !== shown && { meta: parsed(text("meta")) }),
      };
      await change(UpdateDocumentDocument, { input });
      refreshAll();
      say("Saved");
      onClose();
    });
  }

  return (
    <Dialog title={`Edit ${fileName}`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField name="title" label="Title" autoFocus autoComplete="off" defaultValue={title ?? ""} hint="It stays when the content changes. Empty: the one that new content brings." complaints={work.complaints} />
        <TextField name="fileName" label="File name" required autoComplete="off" spellCheck={false} defaultValue={fileName} hint="Keep its ending: it says what kind of file this is." complaints={work.complaints} />
        <TextArea name="meta" label="Metadata" className="input mono" spellCheck={false} rows={6} defaultValue={shown} hint="A JSON object of your own." complaints={work.complaints} />
        {source && <p className="muted small">New content from {source.name} brings its own name and no metadata.</p>}
        <Complaints of={work.complaints} except={["title", "fileName", "meta"]} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>Save</button>
        </div>
      </form>
    </Dialog>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text || "{}");
  } catch {
    throw new Problem([{ field: "meta", message: "This is not JSON. Write an object such as {\"project\": \"north\"}." }]);
  }
}
