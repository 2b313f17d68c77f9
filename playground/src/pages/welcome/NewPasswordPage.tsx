import { Link, getRouteApi } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import "./welcome.css";
import { ResetPasswordDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { Complaints, TextField } from "../../ui/Form";
import { Check, SMALL } from "../../ui/Icon";
import { useWork } from "../../ui/useWork";

const route = getRouteApi("/new-password");

/** For somebody who forgot theirs and has a link of an administrator. */
export function NewPasswordPage() {
  const { token } = route.useSearch();
  const work = useWork();
  const [username, setUsername] = useState<string>();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    work.run(async () => {
      const { user } = await change(ResetPasswordDocument, { input: { token: (form.get("token") as string).trim(), newPassword: form.get("newPassword") as string } });
      setUsername(user?.username ?? "");
    });
  }

  return (
    <div className="narrow">
      <Heading>Choose a new password</Heading>
      {username !== undefined ? (
        <div className="card pad stack">
          <p className="row good" role="status"><Check {...SMALL} /> {username ? `${username} has a new password.` : "The password is changed."} All sessions have ended.</p>
          <div><Link to="/sign-in" search={{}} className="btn p">Sign in</Link></div>
        </div>
      ) : (
        <form className="card pad stack" onSubmit={submit}>
          <TextField name="token" label="Token" defaultValue={token} readOnly={token !== undefined} autoComplete="off" required hint={token ? undefined : "An administrator of this server makes one."} complaints={work.complaints} />
          <TextField name="newPassword" label="New password" type="password" autoComplete="new-password" required autoFocus hint="At least 8 characters." complaints={work.complaints} />
          <Complaints of={work.complaints} except={["token", "newPassword"]} />
          <button type="submit" className="btn p" disabled={work.isBusy}>Set the password</button>
        </form>
      )}
    </div>
  );
}
