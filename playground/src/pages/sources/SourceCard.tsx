import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type SourceRowFragment, SourcesDocument, UpdateSourceDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { KindIcon } from "./KindIcon";
import { RemoveDialog } from "./RemoveDialog";
import { SourceForm } from "./SourceForm";
import { SourceRuns } from "./SourceRuns";
import { SyncDialog } from "./SyncDialog";
import { KIND_WORDS, intervalWords, runWords, vanishWords, whereOf } from "./words";

/** How often a source is read that was paused, in minutes. */
const RESUMED = 60;

export interface SourceRights {
  sync: boolean;
  change: boolean;
  remove: boolean;
  deleteDocuments: boolean;
}

interface SourceCardProps {
  collectionId: string;
  source: SourceRowFragment;
  may: SourceRights;
}

/** One place that is followed: how it is, what the last sync did, what can be done with it. */
export function SourceCard({ collectionId, source, may }: SourceCardProps) {
  const { id, name, kind, status, error, syncIntervalMinutes, nextRunAt, onVanish, lastRun, documents } = source;
  const { file } = KIND_WORDS[kind];
  const [open, setOpen] = useState<"sync" | "change" | "remove">();
  const [areRunsOpen, setRunsOpen] = useState(false);
  const close = () => { setOpen(undefined); };
  const isIdle = status === "IDLE";

  function setInterval(minutes: number | null) {
    const update = change(UpdateSourceDocument, { input: { id, syncIntervalMinutes: minutes } });
    attempt(update.then(() => { refresh(SourcesDocument); }), minutes === null ? "Paused. It is read on request only." : "It is read again by itself.");
  }

  return (
    <article className="card pad stack tight">
      <div className="row wrap">
        <KindIcon kind={kind} />
        <h2 className="grow break">{name}</h2>
        <SourceBadge status={status} isPaused={syncIntervalMinutes === null} hasError={error !== null} />
      </div>
      <p className="mono small break">{whereOf(source)}</p>
      <p className="muted small">
        {syncIntervalMinutes === null ? "On request only" : intervalWords(syncIntervalMinutes)}
        {nextRunAt && <> · next <Time at={nextRunAt} /></>} ·{" "}
        <Link to="/collections/$id/documents" params={{ id: collectionId }} search={{ source: id }}>{count(documents.totalCount, "document")}</Link> · documents
        whose {file} is gone {vanishWords(onVanish)}
      </p>
      {error && <p className="note warn">{error}</p>}
      {lastRun && (
        <p className="small">
          {lastRun.completedAt ? <>Read <Time at={lastRun.completedAt} /></> : "Being read now"}: {runWords(lastRun, file)}
          {lastRun.operation && <> · <Link to="/activity/$operationId" params={{ operationId: lastRun.operation.id }} search={{}}>Follow</Link></>}
        </p>
      )}
      <div className="row wrap">
        {may.sync && <button type="button" className="btn s" disabled={!isIdle} onClick={() => { setOpen("sync"); }}>Sync now</button>}
        {may.change && status !== "REMOVING" && (
          <>
            {syncIntervalMinutes === null
              ? <button type="button" className="btn s" onClick={() => { setInterval(RESUMED); }}>Read every hour</button>
              : <button type="button" className="btn s" onClick={() => { setInterval(null); }}>Pause</button>}
            <button type="button" className="btn s" onClick={() => { setOpen("change"); }}>Change</button>
          </>
        )}
        {may.remove && status !== "REMOVING" && <button type="button" className="btn s danger" onClick={() => { setOpen("remove"); }}>Remove</button>}
      </div>
      <details onToggle={({ currentTarget }) => { setRunsOpen(currentTarget.open); }}>
        <summary>Earlier syncs</summary>
        {areRunsOpen && <SourceRuns id={id} file={file} isLive={!isIdle} />}
      </details>
      {open === "sync" && <SyncDialog source={source} mayDelete={may.deleteDocuments} onClose={close} />}
      {open === "change" && <SourceForm collectionId={collectionId} source={source} onClose={close} />}
      {open === "remove" && <RemoveDialog source={source} onClose={close} />}
    </article>
  );
}

function SourceBadge({ status, isPaused, hasError }: { status: SourceRowFragment["status"]; isPaused: boolean; hasError: boolean }) {
  switch (status) {
    case "SYNCING": return <span className="badge a"><span className="live" /> Syncing</span>;
    case "REMOVING": return <span className="badge">Being removed</span>;
    case "IDLE":
      if (hasError) return <span className="badge w">Needs attention</span>;
      return isPaused ? <span className="badge">On request</span> : <span className="badge g">In step</span>;
  }
}
