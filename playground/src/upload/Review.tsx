import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { CollectionCreateDocument, WhereToAddDocument } from "../api/generated/graphql";
import { change } from "../api/ask";
import { refreshAll, useAsk } from "../app/queries";
import { type Limits, useFrame } from "../app/useFrame";
import { Dialog } from "../ui/Dialog";
import { Complaints, SelectField, TextField } from "../ui/Form";
import { useWork } from "../ui/useWork";
import { count, size } from "../ui/words";
import { type Intake, intake as store } from "./intake";
import { addFiles } from "./jobs";
import { type Plan, byEnding, folderOf, planOf } from "./plan";
import type { FoundFile } from "./walk";

/** More than this many files are shown before any is sent. */
const WITHOUT_REVIEW = 20;
const FOLDERS_SHOWN = 60;

interface Chosen extends FoundFile {
  size: number;
}

/** What is about to be added, and where to. A few readable files for the collection of the page are added at once. */
export default function Review({ intake }: { intake: Intake }) {
  const { limits } = useFrame();
  if (!limits) return null;
  return <Sheet intake={intake} limits={limits} />;
}

const close = () => { store.set(undefined); };

function Sheet({ intake: { files, collection }, limits }: { intake: Intake; limits: Limits }) {
  const plan = useMemo(
    () => planOf(files.map((found): Chosen => ({ ...found, size: found.file.size })), Number(limits.uploadBytes)),
    [files, limits],
  );
  const needsReview =
    collection === undefined || files.length > WITHOUT_REVIEW || plan.doubtful.length > 0 || plan.skipped.length > 0;
  const navigate = useNavigate();

  useEffect(() => {
    if (needsReview) return;
    addFiles(collection, plan.ready, limits);
    close();
    void navigate({ to: "/collections/$id/documents", params: { id: collection.id }, search: {} });
  }, [needsReview, collection, plan, limits, navigate]);

  return needsReview ? <ReviewForm plan={plan} collection={collection} limits={limits} /> : null;
}

interface ReviewFormProps {
  plan: Plan<Chosen>;
  collection: { id: string; name: string } | undefined;
  limits: Limits;
}

function ReviewForm({ plan, collection, limits }: ReviewFormProps) {
  const navigate = useNavigate();
  const work = useWork();
  const [withDoubtful, setWithDoubtful] = useState(true);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [target, setTarget] = useState(collection?.id ?? "");
  const [name, setName] = useState("");
  const { data } = useAsk(WhereToAddDocument, {}, { enabled: collection === undefined });
  const open = (data?.collections?.nodes ?? []).filter(({ viewerCan }) => viewerCan.includes("DOCUMENT_INGEST"));
  const wanted = [...plan.ready, ...(withDoubtful ? plan.doubtful : [])].filter(({ path }) => !left.has(folderOf(path)));
  const isNew = collection === undefined && (target === "new" || (data !== undefined && open.length === 0));

  function add() {
    work.run(async () => {
      let place = collection ?? open.find(({ id }) => id === (target || open[0]?.id));
      if (isNew) {
        const made = await change(CollectionCreateDocument, { input: { name: name.trim() || suggestion(plan) } });
        place = made.collection ?? undefined;
        refreshAll();
      }
      if (!place) return;
      addFiles(place, wanted, limits);
      close();
      await navigate({ to: "/collections/$id/documents", params: { id: place.id }, search: {} });
    });
  }

  return (
    <Dialog title={collection ? `Add to ${collection.name}` : "Add to which collection?"} onClose={close} isWide>
      {collection === undefined && open.length > 0 && (
        <SelectField
          name="collection"
          label="Collection"
          value={target || (open[0]?.id ?? "")}
          options={[...open.map(({ id, name }) => [id, name] as const), ["new", "A new collection"]]}
          onChange={setTarget}
        />
      )}
      {isNew && (
        <TextField
          name="name"
          label="Name of the new collection"
          value={name}
          placeholder={suggestion(plan)}
          complaints={work.complaints}
          onChange={(event) => { setName(event.target.value); }}
        />
      )}
      <Kinds files={plan.ready} title="Will be read" />
      {plan.doubtful.length > 0 && (
        <label className="check">
          <input type="checkbox" checked={withDoubtful} onChange={(event) => { setWithDoubtful(event.target.checked); }} />
          <span>
            Also send {count(plan.doubtful.length, "file")} that probably can’t be read ({endings(plan.doubtful)}). They are
            listed as failed, with the reason.
          </span>
        </label>
      )}
      <Folders files={[...plan.ready, ...plan.doubtful]} left={left} onChange={setLeft} />
      {plan.skipped.length > 0 && (
        <details>
          <summary>{count(plan.skipped.length, "file")} will be left out</summary>
          <ul className="unsent small">
            {plan.skipped.slice(0, 100).map(({ candidate, reason }, index) => (
              <li key={`${index} ${candidate.path}`}><strong className="break">{candidate.path}</strong> {reason}</li>
            ))}
          </ul>
        </details>
      )}
      <Complaints of={work.complaints} except={["name"]} />
      <div className="actions">
        <button type="button" className="btn" onClick={close}>Cancel</button>
        <button type="button" className="btn p" disabled={wanted.length === 0 || work.isBusy} onClick={add}>
          Add {count(wanted.length, "file")}
        </button>
      </div>
    </Dialog>
  );
}

function Kinds({ files, title }: { files: readonly Chosen[]; title: string }) {
  return (
    <div>
      <h3>{title}</h3>
      <table className="kinds">
        <thead><tr><th>Kind</th><th className="end">Files</th><th className="end">Size</th></tr></thead>
        <tbody>
          {byEnding(files).map(({ ending, files: number, bytes }) => (
            <tr key={ending}><td>{ending}</td><td className="num end">{number}</td><td className="num end">{size(bytes)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface FoldersProps {
  files: readonly Chosen[];
  left: ReadonlySet<string>;
  onChange: (left: ReadonlySet<string>) => void;
}

/** The folders, each of which can be left out. */
function Folders({ files, left, onChange }: FoldersProps) {
  const folders = new Map<string, number>();
  for (const { path } of files) folders.set(folderOf(path), (folders.get(folderOf(path)) ?? 0) + 1);
  if (folders.size < 2) return null;
  const shown = Array.from(folders).sort(([a], [b]) => a.localeCompare(b)).slice(0, FOLDERS_SHOWN);
  return (
    <details>
      <summary>{count(folders.size, "folder")}</summary>
      <div className="folders">
        {shown.map(([folder, files]) => (
          <label key={folder} className="check">
            <input
              type="checkbox"
              checked={!left.has(folder)}
              onChange={(event) => {
                const next = new Set(left);
                if (event.target.checked) next.delete(folder);
                else next.add(folder);
                onChange(next);
              }}
            />
            <span className="grow break">{folder || "Not in a folder"}</span>
            <span className="muted num">{files}</span>
          </label>
        ))}
      </div>
    </details>
  );
}

function suggestion({ ready, doubtful }: Plan<Chosen>): string {
  const first = (ready[0] ?? doubtful[0])?.path ?? "";
  return first.includes("/") ? first.slice(0, first.indexOf("/")) : "My documents";
}

function endings(files: readonly Chosen[]): string {
  return byEnding(files).slice(0, 4).map(({ ending }) => ending).join(", ");
}
