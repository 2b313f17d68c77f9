import { useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import { session } from "../../api/ask";
import { Dialog } from "../../ui/Dialog";
import { Complaints, TextField } from "../../ui/Form";
import { say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";

/** The end of the account: what goes with it, and the password once more. */
export function DeleteAccount({ username }: { username: string }) {
  const [isAsking, setAsking] = useState(false);
  return (
    <section className="card pad stack tight danger-zone">
      <h2>Delete the account</h2>
      <p className="muted">Your sessions, API keys and roles end, and your own collections are deleted. There is no way back.</p>
      <div><button type="button" className="btn danger" onClick={() => { setAsking(true); }}>Delete the account</button></div>
      {isAsking && <Ask username={username} onClose={() => { setAsking(false); }} />}
    </section>
  );
}

function Ask({ username, onClose }: { username: string; onClose: () => void }) {
  const work = useWork();
  const navigate = useNavigate();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = new FormData(event.currentTarget).get("password") as string;
    work.run(async () => {
      await session.deleteAccount(password);
      await navigate({ to: "/search", search: {} });
      say(`The account ${username} is deleted`);
    });
  }

  return (
    <Dialog title={`Delete the account ${username}?`} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <div className="stack tight muted">
          <p>Your own collections are deleted with all their documents, also public ones. What you added to collections of others stays there.</p>
          <p>A collection of yours in which others have a role has to have another owner first, or no other members.</p>
          <p>The audit log of this server keeps the id of the account, but not its name.</p>
        </div>
        <TextField name="password" label="Your password" type="password" autoComplete="current-password" required complaints={work.complaints} />
        <Complaints of={work.complaints} except={["password"]} />
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p danger" disabled={work.isBusy}>Delete for ever</button>
        </div>
      </form>
    </Dialog>
  );
}
