import type { SyntheticEvent } from "react";
import { session } from "../../api/ask";
import { Complaints, TextField } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { StaySignedIn } from "./StaySignedIn";
import { rememberVisit } from "./visits";

const FIELDS = ["username", "email", "password", "fullName", "invitation"];

interface RegisterFormProps {
  /** Absent if the server asks for none. */
  invitation?: string;
  needsInvitation: boolean;
  onDone: () => void;
}

export function RegisterForm({ invitation, needsInvitation, onDone }: RegisterFormProps) {
  const work = useWork();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => ((form.get(name) as string | null) ?? "").trim();
    work.run(async () => {
      await session.register(
        {
          username: value("username"),
          email: value("email"),
          password: form.get("password") as string,
          fullName: value("fullName") || null,
          invitation: value("invitation") || invitation || null,
        },
        form.has("stay"),
      );
      rememberVisit();
      onDone();
    });
  }

  return (
    <form className="stack" onSubmit={submit}>
      <TextField name="username" label="User name" autoComplete="username" autoCapitalize="none" spellCheck={false} required complaints={work.complaints} />
      <TextField name="email" label="E-mail" type="email" autoComplete="email" required complaints={work.complaints} />
      <TextField name="password" label="Password" type="password" autoComplete="new-password" required hint="At least 8 characters." complaints={work.complaints} />
      {(needsInvitation || invitation !== undefined) && (
        <TextField name="invitation" label="Invitation" defaultValue={invitation} autoComplete="off" required={needsInvitation} hint="An administrator of this server makes it." complaints={work.complaints} />
      )}
      <StaySignedIn />
      <Complaints of={work.complaints} except={FIELDS} />
      <button type="submit" className="btn p" disabled={work.isBusy}>{work.isBusy ? "One moment…" : "Create the account"}</button>
    </form>
  );
}
