import { useState } from "react";
import { type SourceKind, SourcesDocument, SyncSourceDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { Dialog } from "../../ui/Dialog";
import { Complaints } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { Preview, usePreview } from "./Preview";

interface SyncDialogProps {
  source: { id: string; name: string; kind: SourceKind };
  mayDelete: boolean;
  onClose: () => void;
}

/** Shows what a sync would do before it does it. */
export function SyncDialog({ source: { id, name, kind }, mayDelete, onClose }: SyncDialogProps) {
  const work = useWork();
  const of = usePreview({ sourceId: id });
  const [isConfirmed, setConfirmed] = useState(false);

  return (
    <Dialog title={`Sync ${name}`} onClose={onClose}>
      <Preview of={of} kind={kind} />
      {of.preview?.needsConfirmation && mayDelete && (
        <label className="check">
          <input type="checkbox" checked={isConfirmed} onChange={({ target }) => { setConfirmed(target.checked); }} />
          <span>Their documents may be deleted</span>
        </label>
      )}
      <Complaints of={work.complaints} />
      <div className="actions">
        <button type="button" className="btn" onClick={onClose}>Cancel</button>
        <button
          type="button"
          className={`btn p ${isConfirmed ? "danger" : ""}`}
          disabled={work.isBusy}
          onClick={() => {
            work.run(async () => {
              await change(SyncSourceDocument, { input: { id, ...(isConfirmed && { confirm: true }) } });
              refresh(SourcesDocument);
              onClose();
            });
          }}
        >
          Sync now
        </button>
      </div>
    </Dialog>
  );
}
