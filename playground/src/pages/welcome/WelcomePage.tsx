import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import "./welcome.css";
import { WelcomeDocument } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { useAsk, useSession } from "../../app/queries";
import { Check, SMALL, Search } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { ChooseFiles } from "../../upload/ChooseFiles";
import { SAMPLE, SAMPLE_QUESTIONS } from "../search/sample";
import { RegisterForm } from "./RegisterForm";

/** How many questions are enough to begin with. */
const SUGGESTED = 3;

/** Three steps from a fresh server to a search in one's own files. */
export function WelcomePage() {
  const { data, error, refetch } = useAsk(WelcomeDocument, {});
  const { username } = useSession();
  const navigate = useNavigate();
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const isClaimed = data.server?.isClaimed ?? true;
  // The first account is never refused.
  const registration = isClaimed ? (data.server?.registration ?? "CLOSED") : "OPEN";
  const sample = data.collections?.nodes.find(({ name, chunkCount }) => name === SAMPLE && chunkCount > 0);

  return (
    <div className="welcome">
      <header>
        <img src="./mark.svg" width="44" height="44" alt="" />
        <Heading title="Welcome">Docent is running.</Heading>
        <p className="muted">Search your documents by meaning and by words. Everything stays on this server.</p>
      </header>
      <ol>
        <Step isDone={username !== undefined} title="Create your account">
          {username !== undefined ? (
            <p>You are signed in as <strong>{username}</strong>.</p>
          ) : (
            <>
              <p className="muted">
                {!isClaimed && "The first account on a server becomes its administrator."}
                {isClaimed && registration === "OPEN" && "Everybody who reaches this server can have one."}
                {registration === "INVITE" && "This server takes people with an invitation."}
                {registration === "CLOSED" && "Nobody can register here. Ask whoever runs this server for an account."}
              </p>
              {registration !== "CLOSED" && (
                <RegisterForm needsInvitation={registration === "INVITE"} onDone={() => { void navigate({ to: "/welcome" }); }} />
              )}
              <p>You have an account? <Link to="/sign-in" search={{ next: "/welcome" }}>Sign in</Link></p>
            </>
          )}
        </Step>
        {sample && (
          <Step title="Try the sample">
            <ul className="asks">
              {SAMPLE_QUESTIONS.slice(0, SUGGESTED).map((question) => (
                <li key={question}>
                  <Link to="/search" search={{ q: question }}><Search {...SMALL} /> {question}</Link>
                </li>
              ))}
            </ul>
          </Step>
        )}
        <Step title="Add your own documents">
          {username !== undefined ? (
            <div className="drop">
              <strong>Drop files or a folder here</strong>
              <span className="muted">Text, Markdown, HTML, PDF, Word, PowerPoint, Excel, EPUB, e-mail</span>
              <div className="row wrap"><ChooseFiles /></div>
            </div>
          ) : (
            <p className="muted">As soon as you have an account, drop files or a folder here.</p>
          )}
        </Step>
      </ol>
    </div>
  );
}

function Step({ title, isDone = false, children }: { title: string; isDone?: boolean; children: ReactNode }) {
  return (
    <li className="card pad">
      <span className="step" aria-hidden="true">{isDone && <Check {...SMALL} />}</span>
      <div className="stack tight grow">
        <h2>{title}</h2>
        {children}
      </div>
    </li>
  );
}
