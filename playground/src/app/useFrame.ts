import { FrameDocument, type FrameQuery, RunningDocument } from "../api/generated/graphql";
import { useAsk, useSession } from "./queries";

export type Limits = NonNullable<FrameQuery["server"]>["limits"];

/** The viewer, the server and its limits, which hardly change. */
export function useFrame() {
  const { data, isPending } = useAsk(FrameDocument, {}, { staleTime: 30_000 });
  return {
    isPending,
    viewer: data?.viewer ?? undefined,
    isAdministrator: data?.viewer?.role === "ADMIN",
    collectionCount: data?.collections?.totalCount,
    server: data?.server ?? undefined,
    limits: data?.server?.limits,
  };
}

/** How many of the viewer's operations run or wait. */
export function useRunningCount(): number {
  const { username } = useSession();
  const { data } = useAsk(RunningDocument, {}, { enabled: username !== undefined, every: 3_000 });
  return data?.operations?.totalCount ?? 0;
}
