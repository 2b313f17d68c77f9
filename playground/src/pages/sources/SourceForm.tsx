import { type SyntheticEvent, useState } from "react";
import { CreateSourceDocument, type SourceLocationInput, type SourcePreviewInput, type SourceRowFragment, SourcesDocument, UpdateSourceDocument, type VanishAction } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { Dialog } from "../../ui/Dialog";
import { Complaints, SelectField, TextArea, TextField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { Preview, usePreview } from "./Preview";
import { intervals, patternsOf } from "./words";

const FIELDS = ["name", "path", "include", "exclude", "syncs"];
const VANISH: [VanishAction, string][] = [
  ["KEEP", "Stay in the collection"],
  ["DELETE", "Are deleted by the next sync"],
  ["DELETE_AFTER", "Are deleted after several syncs without their file"],
];

interface SourceFormProps {
  collectionId: string;
  /** The source to change; a new one if absent. */
  source?: SourceRowFragment;
  onClose: () => void;
}

/** A directory to follow: where it is, what of it, when. */
export function SourceForm({ collectionId, source, onClose }: SourceFormProps) {
  const work = useWork();
  const [vanish, setVanish] = useState<VanishAction>(source?.onVanish.action ?? "KEEP");
  const [interval, setInterval] = useState(String(source ? (source.syncIntervalMinutes ?? "") : 60));
  const [asked, setAsked] = useState<SourcePreviewInput>();
  const preview = usePreview(asked);

  function locationOf(form: FormData): SourceLocationInput {
    const text = (name: string) => (form.get(name) as string).trim();
    return {
      directory: {
        path: text("path"),
        include: patternsOf(text("include")),
        exclude: patternsOf(text("exclude")),
        hidden: form.has("hidden"),
        ...(source?.directory && { maxFileBytes: source.directory.maxFileBytes }),
      },
    };
  }

  function submit(event: SyntheticEvent<HTMLFormElement, SubmitEvent>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const location = locationOf(form);
    if (event.nativeEvent.submitter?.getAttribute("value") === "preview") {
      setAsked({ location: { collectionId, location } });
      return;
    }
    const settings = {
      name: (form.get("name") as string).trim(),
      location,
      syncIntervalMinutes: interval ? Number(interval) : null,
      onVanish: { action: vanish, ...(vanish === "DELETE_AFTER" && { syncs: Number(form.get("syncs")) }) },
    };
    work.run(async () => {
      if (source) await change(UpdateSourceDocument, { input: { id: source.id, ...settings } });
      else await change(CreateSourceDocument, { input: { collectionId, ...settings } });
      refresh(SourcesDocument);
      say(source ? "Saved. The next sync considers it." : `${settings.name} is being read`);
      onClose();
    });
  }

  return (
    <Dialog title={source ? `Change ${source.name}` : "Follow a directory"} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField name="name" label="Name" required autoFocus autoComplete="off" defaultValue={source?.name} complaints={work.complaints} />
        <TextField
          name="path"
          label="Directory on the server"
          className="input mono"
          required
          autoComplete="off"
          spellCheck={false}
          placeholder="/srv/papers"
          defaultValue={source?.directory?.path}
          hint="An absolute path, in one of the directories that the server’s operator has opened (setting sources.directories)."
          complaints={work.complaints}
        />
        <SelectField name="interval" label="When it is read again" value={interval} options={intervals(source?.syncIntervalMinutes ?? null)} onChange={setInterval} />
        <SelectField name="onVanish" label="Documents whose files are gone" value={vanish} options={VANISH} onChange={setVanish} />
        {vanish === "DELETE_AFTER" && <TextField name="syncs" label="Number of syncs" type="number" min={1} max={1000} required defaultValue={source?.onVanish.syncs ?? 3} complaints={work.complaints} />}
        <details open={Boolean(source?.directory?.include.length || source?.directory?.exclude.length)}>
          <summary>Which files</summary>
          <div className="stack pad">
            <TextArea name="include" label="Only files like these" className="input mono" spellCheck={false} rows={3} placeholder={"*.pdf\n*.md"} defaultValue={source?.directory?.include.join("\n")} hint="A pattern a line; empty: all files. * stands for characters of a name, ** for any number of directories." complaints={work.complaints} />
            <TextArea name="exclude" label="Without these" className="input mono" spellCheck={false} rows={3} placeholder="drafts/**" defaultValue={source?.directory?.exclude.join("\n")} complaints={work.complaints} />
            <label className="check"><input type="checkbox" name="hidden" defaultChecked={source?.directory?.hidden} /><span>Files and directories whose names begin with a dot, too</span></label>
          </div>
        </details>
        {asked && <div className="card pad"><Preview of={preview} /></div>}
        <Complaints of={work.complaints} except={FIELDS} />
        <div className="actions">
          <button type="submit" value="preview" className="btn" disabled={preview.isFetching}>Preview</button>
          <span className="grow" />
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>{source ? "Save" : "Create and read it"}</button>
        </div>
      </form>
    </Dialog>
  );
}
