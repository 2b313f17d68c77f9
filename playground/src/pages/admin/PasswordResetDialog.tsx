import { useState } from "react";
import { CreatePasswordResetDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Dialog } from "../../ui/Dialog";
import { Complaints } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { LinkDialog, linkTo } from "./LinkDialog";

/** Makes a link with which somebody who forgot their password can choose another one. */
export function PasswordResetDialog({ user: { id, username }, onClose }: { user: { id: string; username: string }; onClose: () => void }) {
  const work = useWork();
  const [made, setMade] = useState<{ link: string; expiresAt: string | null }>();

  function make() {
    work.run(async () => {
      const { token, expiresAt } = await change(CreatePasswordResetDocument, { input: { userId: id } });
      if (token) setMade({ link: linkTo("new-password", { token }), expiresAt });
    });
  }

  if (made) return <LinkDialog title={`New password for ${username}`} {...made} onClose={onClose} />;
  return (
    <Dialog title={`A new password for ${username}?`} onClose={onClose}>
      <p className="muted">They choose it themselves, with a link that you give to them. All their sessions end then; earlier links are no longer valid. Until then nothing changes.</p>
      <Complaints of={work.complaints} />
      <div className="actions">
        <button type="button" className="btn" onClick={onClose}>Cancel</button>
        <button type="button" className="btn p" disabled={work.isBusy} onClick={make}>Make the link</button>
      </div>
    </Dialog>
  );
}
