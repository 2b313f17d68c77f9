import { Link, getRouteApi, useRouter } from "@tanstack/react-router";
import "./welcome.css";
import { WelcomeDocument } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { useAsk } from "../../app/queries";
import { Failed, Loading } from "../../ui/States";
import { RegisterForm } from "./RegisterForm";

const route = getRouteApi("/register");

export function RegisterPage() {
  const { next, invitation } = route.useSearch();
  const router = useRouter();
  const { data, error, refetch } = useAsk(WelcomeDocument, {});
  // The first account is never refused.
  const registration = data?.server?.isClaimed === false ? "OPEN" : data?.server?.registration;

  return (
    <div className="narrow">
      <Heading>Create an account</Heading>
      <div className="card pad stack">
        {error ? (
          <Failed error={error} onRetry={() => void refetch()} />
        ) : !registration ? (
          <Loading rows={4} />
        ) : registration === "CLOSED" ? (
          <p>Nobody can register here. Ask whoever runs this server for an account.</p>
        ) : (
          <>
            {registration === "INVITE" && !invitation && (
              <p className="muted">This server takes people with an invitation. Ask an administrator for one.</p>
            )}
            <RegisterForm
              invitation={invitation}
              needsInvitation={registration === "INVITE"}
              onDone={() => { router.history.push(next?.startsWith("/") && !next.startsWith("//") ? next : "/collections"); }}
            />
          </>
        )}
      </div>
      <p>You have an account? <Link to="/sign-in" search={{ next }}>Sign in</Link></p>
    </div>
  );
}
