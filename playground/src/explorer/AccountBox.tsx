import { type SyntheticEvent, useId, useRef, useState, useSyncExternalStore } from "react";
import { type Complaint, Problem } from "../session/problem";
import type { Session, SessionState } from "../session/session";

/**
 * The button at the top right, and the dialog behind it: sign in with a password or an API key, register, or see who is
 * signed in and sign out.
 */
export function AccountBox({ session }: { session: Session }) {
  const state = useSyncExternalStore(session.state.subscribe, session.state.get);
  const { username, validUntil, keyPrefix, notice } = state;
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const close = () => dialog.current?.close();

  return (
    <>
      {notice && <span className="docent-notice" role="status">{notice}</span>}
      <button
        type="button"
        className="docent-button docent-account"
        aria-haspopup="dialog"
        onClick={() => dialog.current?.showModal()}
      >
        {username ? (
          <>
            <strong>{username}</strong>
            {(keyPrefix ?? validUntil) && <span className="docent-until">{keyPrefix ? "by API key" : `until ${timeOf(validUntil)}`}</span>}
          </>
        ) : (
          "Sign in"
        )}
      </button>
      <dialog ref={dialog} className="docent-dialog" aria-labelledby={titleId} closedby="any">
        {username ? (
          <SignedIn titleId={titleId} state={state} session={session} onDone={close} />
        ) : (
          <SignInForm titleId={titleId} session={session} onDone={close} />
        )}
        {/* Last, so that the dialog opens with the first field in focus. */}
        <button type="button" className="docent-close" aria-label="Close" onClick={close}>
          ×
        </button>
      </dialog>
    </>
  );
}

interface PanelProps {
  titleId: string;
  session: Session;
  onDone: () => void;
}

function SignedIn({ titleId, state, session, onDone }: PanelProps & { state: SessionState }) {
  const { username, validUntil, keyPrefix, isPersistent } = state;
  function signOut() {
    // The token is removed here whatever the server answers; without an answer the session ends when nobody uses it.
    session.signOut().catch(() => undefined);
    onDone();
  }
  return (
    <>
      <h2 id={titleId}>Signed in as {username}</h2>
      {keyPrefix ? (
        <p>
          Every request is sent with the API key <code>{keyPrefix}…</code>. It can do what the key allows, but never more
          than {username} can. Reloading the page removes the key from this page.
        </p>
      ) : (
        <p>
          Every request is sent with your token. It is valid until {timeOf(validUntil)} and is renewed automatically.
          {isPersistent ? " You stay signed in when the browser is closed." : " Closing the browser signs you out."}
        </p>
      )}
      <button type="button" className="docent-button docent-primary" onClick={signOut}>
        Sign out
      </button>
    </>
  );
}

type Way = "password" | "apiKey" | "register";

const TITLES: Record<Way, string> = { password: "Sign in", apiKey: "Use an API key", register: "Create an account" };

/** The form fields, by the names that the server uses in its errors. */
const FIELDS: Record<Way, Omit<FieldProps, "error">[]> = {
  password: [
    { name: "login", label: "User name or e-mail", autoComplete: "username" },
    { name: "password", label: "Password", type: "password", autoComplete: "current-password" },
  ],
  apiKey: [{ name: "apiKey", label: "API key", type: "password", autoComplete: "off" }],
  register: [
    { name: "username", label: "User name", autoComplete: "username" },
    { name: "email", label: "E-mail", type: "email", autoComplete: "email" },
    { name: "fullName", label: "Full name (optional)", autoComplete: "name", optional: true },
    { name: "password", label: "Password", type: "password", autoComplete: "new-password" },
    { name: "invitation", label: "Invitation (if you have one)", autoComplete: "off", optional: true },
  ],
};

function SignInForm({ titleId, session, onDone }: PanelProps) {
  const [way, setWay] = useState<Way>("password");
  const [busy, setBusy] = useState(false);
  const [complaints, setComplaints] = useState<Complaint[]>([]);

  async function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => form.get(name) as string;
    setBusy(true);
    setComplaints([]);
    try {
      if (way === "register") {
        await session.register({
          username: value("username"),
          email: value("email"),
          fullName: value("fullName") || null,
          password: value("password"),
          invitation: value("invitation").trim() || null,
        });
      } else if (way === "apiKey") {
        await session.useKey(value("apiKey"));
      } else {
        await session.signIn(value("login"), value("password"));
      }
      onDone();
    } catch (error) {
      setComplaints(error instanceof Problem ? error.complaints : [{ message: (error as Error).message }]);
    } finally {
      setBusy(false);
    }
  }

  const general = complaints.filter(({ field }) => !FIELDS[way].some(({ name }) => name === field));
  const of = (name: string) => complaints.filter(({ field }) => field === name).map(({ message }) => message).join(" ");

  function linkTo(other: Way, label: string) {
    const open = () => {
      setWay(other);
      setComplaints([]);
    };
    return <button type="button" className="docent-link" onClick={open}>{label}</button>;
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <h2 id={titleId}>{TITLES[way]}</h2>
      {FIELDS[way].map((field) => <Field key={field.name} {...field} error={of(field.name)} />)}
      {general.length > 0 && (
        <div className="docent-error" role="alert">
          {general.map(({ message }) => <p key={message}>{message}</p>)}
        </div>
      )}
      <button type="submit" className="docent-button docent-primary" disabled={busy}>
        {busy ? "One moment…" : TITLES[way]}
      </button>
      <p className="docent-switch">
        {way === "password" ? (
          <>
            No account yet? {linkTo("register", "Create one")}
            <br />
            {linkTo("apiKey", "Use an API key")}
          </>
        ) : (
          <>You have an account? {linkTo("password", "Sign in")}</>
        )}
      </p>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  type?: string;
  autoComplete: string;
  optional?: boolean;
  error: string;
}

function Field({ name, label, type = "text", autoComplete, optional, error }: FieldProps) {
  const id = useId();
  return (
    <div className="docent-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        autoComplete={autoComplete}
        autoCapitalize="none"
        spellCheck={false}
        required={!optional}
        aria-invalid={error !== ""}
        aria-describedby={error ? `${id}-error` : undefined}
      />
      {error && <p id={`${id}-error`} className="docent-error" role="alert">{error}</p>}
    </div>
  );
}

function timeOf(instant: number | undefined): string {
  return instant ? new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : "";
}
