import { type ReactNode, useState } from "react";
import { Dialog } from "./Dialog";
import { Complaints } from "./Form";
import { useWork } from "./useWork";

interface ConfirmProps {
  title: string;
  /** The verb on the button. */
  action: string;
  /** What has to be typed first. */
  typed?: string;
  isHarmless?: boolean;
  children: ReactNode;
  run: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before something that can't be undone, says what follows, and does it. */
export function Confirm({ title, action, typed, isHarmless = false, children, run, onClose }: ConfirmProps) {
  const [text, setText] = useState("");
  const work = useWork();
  const isReady = typed === undefined || text.trim() === typed;

  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) work.run(async () => { await run(); onClose(); });
        }}
      >
        <div className="stack tight muted">{children}</div>
        {typed !== undefined && (
          <label className="field">
            <span>Type <strong className="break">{typed}</strong> to confirm</span>
            <input className="input" value={text} autoComplete="off" onChange={(event) => { setText(event.target.value); }} />
          </label>
        )}
        <Complaints of={work.complaints} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className={`btn p ${isHarmless ? "" : "danger"}`} disabled={!isReady || work.isBusy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
