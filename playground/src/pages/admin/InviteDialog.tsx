import { type SyntheticEvent, useState } from "react";
import { InvitationsDocument, InviteDocument, type ServerRole } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { Dialog } from "../../ui/Dialog";
import { Complaints, SelectField, TextField } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { LinkDialog, linkTo } from "./LinkDialog";

/** Makes a link with which one person can register. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const work = useWork();
  const [role, setRole] = useState<ServerRole>("MEMBER");
  const [made, setMade] = useState<{ link: string; expiresAt: string | null }>();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const email = (new FormData(event.currentTarget).get("email") as string).trim();
    work.run(async () => {
      const { token, expiresAt } = await change(InviteDocument, { input: { email: email || null, role } });
      if (!token) return;
      setMade({ link: linkTo("register", { invitation: token }), expiresAt });
      refresh(InvitationsDocument);
    });
  }

  if (made) {
    return <LinkDialog title="Invitation" {...made} onClose={onClose} />;
  }
  return (
    <Dialog title="Invite a person" onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField name="email" label="E-mail (optional)" type="email" autoComplete="off" autoFocus hint="Then only this address can register with it." complaints={work.complaints} />
        <SelectField name="role" label="Role" value={role} options={[["MEMBER", "Member"], ["ADMIN", "Administrator"]]} onChange={setRole} />
        <Complaints of={work.complaints} except={["email", "role"]} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={work.isBusy}>Make the link</button>
        </div>
      </form>
    </Dialog>
  );
}
