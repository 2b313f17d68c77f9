import { type SyntheticEvent, useState } from "react";
import { CreateSourceDocument, type SourceKind, type SourcePreviewInput, type SourceRowFragment, SourcesDocument, UpdateSourceDocument, type VanishAction } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { Problem } from "../../session/problem";
import { Dialog } from "../../ui/Dialog";
import { Complaints, SelectField, TextField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { type Start, type Values, lacksSecret, locationOf, startOf, valuesOf } from "./location";
import { PlaceFields } from "./PlaceFields";
import { Preview, usePreview } from "./Preview";
import { KindIcon } from "./KindIcon";
import { KIND_WORDS, intervals } from "./words";

const FIELDS = [
  ...["name", "syncIntervalMinutes", "syncs", "path", "url", "depth", "prefix", "sitemap", "urls", "bucket", "endpoint", "region"],
  ...["accessKeyId", "secretAccessKey", "include", "exclude", "maxFileBytes", "maxPages", "requestsPerMinute"],
];
const KINDS: [SourceKind, string][] = [["DIRECTORY", "A directory on the server"], ["WEB", "A site"], ["BUCKET", "A bucket"]];
const VANISH: [VanishAction, string][] = [
  ["KEEP", "Stay in the collection"],
  ["DELETE", "Are deleted by the next sync"],
  ["DELETE_AFTER", "Are deleted after several syncs without it"],
];
/** A directory is watched, too. */
const WATCHED = "Besides, some seconds after something in it has changed.";

interface SourceFormProps {
  collectionId: string;
  /** The source to change; a new one if absent. */
  source?: SourceRowFragment;
  onClose: () => void;
}

/** A place to follow: where it is, what of it, when. */
export function SourceForm({ collectionId, source, onClose }: SourceFormProps) {
  const work = useWork();
  const [kind, setKind] = useState<SourceKind>(source?.kind ?? "DIRECTORY");
  const [start, setStart] = useState<Start>(startOf(source?.web ?? null));
  const [vanish, setVanish] = useState<VanishAction>(source?.onVanish.action ?? "KEEP");
  const [interval, setInterval] = useState(String(source ? (source.syncIntervalMinutes ?? "") : 60));
  const [asked, setAsked] = useState<SourcePreviewInput>();
  const preview = usePreview(asked);
  const before: Values = source ? valuesOf(source) : {};
  const { place, file } = KIND_WORDS[kind];

  /** The place, if it is not the one that the source has. */
  function movedTo(form: FormData) {
    const location = locationOf(kind, start, Object.fromEntries(form) as Values);
    if (source && JSON.stringify(location) === JSON.stringify(locationOf(source.kind, startOf(source.web), before))) return undefined;
    if (lacksSecret(location)) throw new Problem([{ field: "secretAccessKey", message: "Give the secret that belongs to the access key." }]);
    return location;
  }

  function submit(event: SyntheticEvent<HTMLFormElement, SubmitEvent>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const isPreview = event.nativeEvent.submitter?.getAttribute("value") === "preview";
    work.run(async () => {
      const location = movedTo(form);
      if (isPreview) {
        look(location ? { location: { collectionId, location } } : { sourceId: source?.id ?? "" });
        return;
      }
      const settings = {
        name: (form.get("name") as string).trim(),
        syncIntervalMinutes: interval ? Number(interval) : null,
        onVanish: { action: vanish, ...(vanish === "DELETE_AFTER" && { syncs: Number(form.get("syncs")) }) },
      };
      if (source) await change(UpdateSourceDocument, { input: { id: source.id, ...settings, ...(location && { location }) } });
      else if (location) await change(CreateSourceDocument, { input: { collectionId, ...settings, location } });
      refresh(SourcesDocument);
      say(source ? "Saved. The next sync considers it." : `${settings.name} is being read`);
      onClose();
    });
  }

  function look(input: SourcePreviewInput) {
    if (JSON.stringify(input) === JSON.stringify(asked)) void preview.refetch();
    else setAsked(input);
  }

  return (
    <Dialog title={source ? `Change ${source.name}` : "Add a source"} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {!source && (
          <div className="row wrap" role="group" aria-label="What to follow">
            {KINDS.map(([value, words]) => (
              <button key={value} type="button" className="chip" aria-pressed={kind === value} onClick={() => { setKind(value); setAsked(undefined); work.clear(); }}>
                <KindIcon kind={value} /> {words}
              </button>
            ))}
          </div>
        )}
        <TextField name="name" label="Name" required autoFocus autoComplete="off" defaultValue={source?.name} complaints={work.complaints} />
        <PlaceFields key={kind} kind={kind} start={start} onStart={setStart} values={before} complaints={work.complaints} />
        <SelectField name="syncIntervalMinutes" label="When it is read again" value={interval} options={intervals(source?.syncIntervalMinutes ?? null)} onChange={setInterval} hint={kind === "DIRECTORY" && interval !== "" && WATCHED} complaints={work.complaints} />
        <SelectField name="onVanish" label={`Documents whose ${file} is gone`} value={vanish} options={VANISH} onChange={setVanish} />
        {vanish === "DELETE_AFTER" && <TextField name="syncs" label="Number of syncs" type="number" min={1} max={1000} required defaultValue={source?.onVanish.syncs ?? 3} complaints={work.complaints} />}
        {asked && <div className="card pad"><Preview of={preview} kind={kind} /></div>}
        <Complaints of={work.complaints} except={FIELDS} />
        <div className="actions">
          <button type="submit" value="preview" className="btn" disabled={preview.isFetching}>Preview</button>
          <span className="grow" />
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>{source ? "Save" : `Follow the ${place}`}</button>
        </div>
      </form>
    </Dialog>
  );
}
