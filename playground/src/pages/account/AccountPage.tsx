import { Link } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";
import { AccountDocument, type AccountQuery, EndSessionDocument } from "../../api/generated/graphql";
import { change, session } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refresh, useAsk, useSession } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { Complaints, TextField } from "../../ui/Form";
import { KeyRound, LogOut, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { attempt, say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { number } from "../../ui/words";
import { DeleteAccount } from "./DeleteAccount";

type Viewer = NonNullable<AccountQuery["viewer"]>;

export function AccountPage() {
  const { data, error, refetch } = useAsk(AccountDocument, {}, { every: 15_000 });
  const { keyPrefix } = useSession();
  if (error) return <><Heading>Account</Heading><Failed error={error} onRetry={() => void refetch()} /></>;
  const viewer = data?.viewer;
  if (!viewer) return <><Heading>Account</Heading><Loading /></>;
  return (
    <>
      <div className="head">
        <div className="grow"><Heading>Account</Heading></div>
        <Link to="/account/keys" className="btn"><KeyRound {...SMALL} /> API keys</Link>
        <button type="button" className="btn" onClick={() => { session.signOut().catch(() => undefined); }}><LogOut {...SMALL} /> Sign out</button>
      </div>
      <div className="stack settings">
        {keyPrefix && <p className="note">You use the API key {keyPrefix}…, which may do less than you. Sign in with your password to manage the account.</p>}
        <Profile viewer={viewer} />
        {!keyPrefix && <Sessions viewer={viewer} />}
        {!keyPrefix && <Password />}
        {!keyPrefix && <DeleteAccount username={viewer.username} />}
      </div>
    </>
  );
}

function Profile({ viewer: { username, email, fullName, role, createdAt, rateLimit } }: { viewer: Viewer }) {
  return (
    <section className="card pad stack tight">
      <h2>{username}</h2>
      <dl className="facts">
        {fullName && <><dt>Name</dt><dd>{fullName}</dd></>}
        <dt>E-mail</dt><dd>{email}</dd>
        <dt>Role</dt><dd>{role === "ADMIN" ? "Administrator of this server" : "Member"}</dd>
        <dt>Since</dt><dd><Time at={createdAt} /></dd>
      </dl>
      {rateLimit && (
        <div className="stack tight">
          <h3>Points</h3>
          <meter min={0} max={rateLimit.pointsBurst} value={rateLimit.pointsRemaining} aria-label="Points left" />
          <p className="muted small num">
            {number(rateLimit.pointsRemaining)} of {number(rateLimit.pointsBurst)} left; {number(rateLimit.pointsPerMinute)} a minute come back. Every
            request costs some: a field with fields one for each row, a search more.
          </p>
        </div>
      )}
    </section>
  );
}

function Sessions({ viewer: { sessions } }: { viewer: Viewer }) {
  const [isAsking, setAsking] = useState(false);
  const nodes = sessions?.nodes ?? [];
  const others = nodes.filter(({ isCurrent }) => !isCurrent);

  async function endOthers() {
    for (const { id } of others) await change(EndSessionDocument, { input: { sessionId: id } });
    refresh(AccountDocument);
  }

  return (
    <section className="card">
      <div className="row pad">
        <h2 className="grow">Sessions</h2>
        {others.length > 0 && <button type="button" className="btn s" onClick={() => { setAsking(true); }}>End all others</button>}
      </div>
      <div className="table">
        <table>
          <thead><tr><th>Browser or program</th><th className="hide-s">Address</th><th>Last used</th><th><span className="vh">Actions</span></th></tr></thead>
          <tbody>
            {nodes.map(({ id, isCurrent, userAgent, address, lastUsedAt, createdAt }) => (
              <tr key={id}>
                <td className="break" title={userAgent ?? ""}>{programOf(userAgent)} {isCurrent && <span className="badge a">This one</span>}<br /><span className="muted small">since <Time at={createdAt} /></span></td>
                <td className="muted hide-s">{address}</td>
                <td className="muted"><Time at={lastUsedAt} /></td>
                <td className="end">
                  {!isCurrent && (
                    <button type="button" className="btn ghost s danger" onClick={() => { attempt(change(EndSessionDocument, { input: { sessionId: id } }).then(() => { refresh(AccountDocument); }), "Session ended"); }}>End</button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {isAsking && (
        <Confirm title="End all other sessions?" action="End them" run={endOthers} onClose={() => { setAsking(false); }}>
          <p>Everybody who is signed in with your account elsewhere has to sign in again. This browser stays signed in.</p>
        </Confirm>
      )}
    </section>
  );
}

/** «Firefox on Linux», as far as such headers tell. */
function programOf(userAgent: string | null): string {
  if (!userAgent) return "Unknown";
  const browser = /Edg\//.test(userAgent) ? "Edge" : /Firefox\//.test(userAgent) ? "Firefox" : /Chrom(e|ium)\//.test(userAgent) ? "Chrome" : /Safari\//.test(userAgent) ? "Safari" : undefined;
  const system = /Windows/.test(userAgent) ? "Windows" : /Android/.test(userAgent) ? "Android" : /iPhone|iPad/.test(userAgent) ? "iOS" : /Mac OS/.test(userAgent) ? "macOS" : /Linux/.test(userAgent) ? "Linux" : undefined;
  return browser ? `${browser}${system ? ` on ${system}` : ""}` : userAgent.slice(0, 60);
}

function Password() {
  const work = useWork();
  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const values = new FormData(form);
    const text = (name: string) => values.get(name) as string;
    work.run(async () => {
      await session.changePassword(text("currentPassword"), text("newPassword"));
      form.reset();
      refresh(AccountDocument);
      say("Password changed. All other sessions have ended.");
    });
  }
  return (
    <form className="card pad form" onSubmit={submit}>
      <h2>Password</h2>
      <TextField name="currentPassword" label="Current password" type="password" autoComplete="current-password" required complaints={work.complaints} />
      <TextField name="newPassword" label="New password" type="password" autoComplete="new-password" required hint="At least 8 characters. All other sessions end." complaints={work.complaints} />
      <Complaints of={work.complaints} except={["currentPassword", "newPassword"]} />
      <div><button type="submit" className="btn p" disabled={work.isBusy}>Change the password</button></div>
    </form>
  );
}
