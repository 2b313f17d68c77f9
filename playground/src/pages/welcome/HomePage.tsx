import { Navigate } from "@tanstack/react-router";
import { useSession } from "../../app/queries";
import { isFirstVisit } from "./visits";

/** The first visit begins with a welcome, every other with the search. */
export function HomePage() {
  const { username } = useSession();
  return username === undefined && isFirstVisit() ? <Navigate to="/welcome" replace /> : <Navigate to="/search" replace />;
}
