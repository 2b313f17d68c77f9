import { type SyntheticEvent, useId, useRef, useState, useSyncExternalStore } from "react";
import { type Complaint, Problem } from "./problem";
import type { Session } from "./session";

/** The button at the top right, and the dialog behind it: sign in, register, or see who is signed in and sign out. */
export function AccountBox({ session }: { session: Session }) {
  const { username, validUntil, notice } = useSyncExternalStore(session.state.subscribe, session.state.get);
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
            <span className="docent-until">until {timeOf(validUntil)}</span>
          </>
        ) : (
          "Sign in"
        )}
      </button>
      <dialog ref={dialog} className="docent-dialog" aria-labelledby={titleId} closedby="any">
        {username ? (
          <SignedIn titleId={titleId} username={username} validUntil={validUntil} session={session} onDone={close} />
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

function SignedIn({ titleId, username, validUntil, session, onDone }: PanelProps & SignedInProps) {
  function signOut() {
    // The tokens are forgotten here whatever the server answers; without it they end by themselves.
    session.signOut().catch(() => undefined);
    onDone();
  }
  return (
    <>
      <h2 id={titleId}>Signed in as {username}</h2>
      <p>
        Every request is sent with your token. This one is good until {timeOf(validUntil)} and is renewed by itself.
        Reloading the page signs you out.
      </p>
      <button type="button" className="docent-button docent-primary" onClick={signOut}>
        Sign out
      </button>
    </>
  );
}

interface SignedInProps {
  username: string;
  validUntil: number | undefined;
}

function SignInForm({ titleId, session, onDone }: PanelProps) {
  const [registering, setRegistering] = useState(false);
  const [busy, setBusy] = useState(false);
  const [complaints, setComplaints] = useState<Complaint[]>([]);
  const title = registering ? "Create an account" : "Sign in";

  async function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => form.get(name) as string;
    setBusy(true);
    setComplaints([]);
    try {
      if (registering) {
        await session.register({
          username: value("username"),
          email: value("email"),
          fullName: value("fullName") || null,
          password: value("password"),
        });
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

  const names = registering ? ["username", "email", "fullName", "password"] : ["login", "password"];
  const general = complaints.filter(({ field }) => !names.includes(field ?? ""));
  const of = (name: string) => complaints.filter(({ field }) => field === name).map(({ message }) => message).join(" ");

  return (
    <form onSubmit={(event) => void submit(event)}>
      <h2 id={titleId}>{title}</h2>
      {registering ? (
        <>
          <Field key="username" name="username" label="User name" autoComplete="username" error={of("username")} />
          <Field name="email" label="E-mail" type="email" autoComplete="email" error={of("email")} />
          <Field name="fullName" label="Full name (optional)" autoComplete="name" optional error={of("fullName")} />
          <Field name="password" label="Password" type="password" autoComplete="new-password" error={of("password")} />
        </>
      ) : (
        <>
          <Field key="login" name="login" label="User name or e-mail" autoComplete="username" error={of("login")} />
          <Field name="password" label="Password" type="password" autoComplete="current-password" error={of("password")} />
        </>
      )}
      {general.length > 0 && (
        <div className="docent-error" role="alert">
          {general.map(({ message }) => <p key={message}>{message}</p>)}
        </div>
      )}
      <button type="submit" className="docent-button docent-primary" disabled={busy}>
        {busy ? "One moment…" : title}
      </button>
      <p className="docent-switch">
        {registering ? "You have an account?" : "No account yet?"}{" "}
        <button
          type="button"
          className="docent-link"
          onClick={() => {
            setRegistering(!registering);
            setComplaints([]);
          }}
        >
          {registering ? "Sign in" : "Create one"}
        </button>
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
