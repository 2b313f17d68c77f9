import { Link, getRouteApi, useRouter } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import "./welcome.css";
import { session } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { useSession } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { Complaints, TextField } from "../../ui/Form";
import { useWork } from "../../ui/useWork";
import { StaySignedIn } from "./StaySignedIn";
import { rememberVisit } from "./visits";

const route = getRouteApi("/sign-in");

/** With a password, or with an API key for trying out what the key may do. */
export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const [withKey, setWithKey] = useState(false);
  const work = useWork();
  const { server } = useFrame();
  const { username } = useSession();

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    work.run(async () => {
      if (withKey) await session.useKey(form.get("apiKey") as string);
      else await session.signIn((form.get("login") as string).trim(), form.get("password") as string, form.has("stay"));
      rememberVisit();
      router.history.push(pathOf(next));
    });
  }

  return (
    <div className="narrow">
      <Heading>Sign in</Heading>
      {username && <p className="note">You are signed in as {username}.</p>}
      <form key={withKey ? "key" : "password"} className="card pad stack" onSubmit={submit}>
        {withKey ? (
          <TextField name="apiKey" label="API key" type="password" autoComplete="off" required autoFocus hint="It stays in this page only, until you leave or reload it." complaints={work.complaints} />
        ) : (
          <>
            <TextField name="login" label="User name or e-mail" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus complaints={work.complaints} />
            <TextField name="password" label="Password" type="password" autoComplete="current-password" required complaints={work.complaints} />
            <StaySignedIn />
          </>
        )}
        <Complaints of={work.complaints} except={["apiKey", "login", "password"]} />
        <button type="submit" className="btn p" disabled={work.isBusy}>{work.isBusy ? "One moment…" : "Sign in"}</button>
      </form>
      <p className="row wrap">
        <button type="button" className="link" onClick={() => { setWithKey(!withKey); work.clear(); }}>
          {withKey ? "Use a password" : "Use an API key"}
        </button>
        {server && server.registration !== "CLOSED" && <Link to="/register" search={{ next }}>Create an account</Link>}
      </p>
    </div>
  );
}

/** Only places in this app: an address that somebody else wrote leads nowhere else. */
function pathOf(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/search";
}
