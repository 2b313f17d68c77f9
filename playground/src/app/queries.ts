/** What the pages know of the server: one cache, emptied when another user signs in. */
import {
  QueryClient,
  type UseQueryOptions,
  type UseQueryResult,
  keepPreviousData,
  useInfiniteQuery,
  useQueries,
  useQuery,
} from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { ask, session } from "../api/ask";
import type { TypedDocumentString } from "../api/generated/graphql";
import { Unreachable } from "../api/http";
import { Problem } from "../session/problem";
import type { SessionState } from "../session/session";

const RETRIES = 3;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 4_000,
      retry: (failures, error) =>
        failures < RETRIES && (error instanceof Unreachable || (error instanceof Problem && error.isPassing)),
      retryDelay: (failures, error) =>
        (error instanceof Problem ? error.retryAfterMs : undefined) ?? Math.min(1_000 * 2 ** failures, 8_000),
    },
  },
});

let caller = callerOf(session.state.get());
session.state.subscribe(() => {
  const now = callerOf(session.state.get());
  if (now === caller) return;
  caller = now;
  void queryClient.resetQueries();
});

function callerOf({ username, keyPrefix }: SessionState): string {
  return `${username ?? ""} ${keyPrefix ?? ""}`;
}

export function useSession(): SessionState {
  return useSyncExternalStore(session.state.subscribe, session.state.get);
}

interface Options<R> {
  enabled?: boolean;
  /** Asked again after so many milliseconds, while the page is visible. */
  every?: number | false;
  /** Asked no longer when this is so. */
  until?: (data: R) => boolean;
  /** Whether the previous answer stays until the one for new variables is there. */
  keepsPrevious?: boolean;
  staleTime?: number;
}

export function useAsk<R, V>(
  document: TypedDocumentString<R, V>,
  variables: V,
  { enabled = true, every = false, until, keepsPrevious = false, staleTime }: Options<R> = {},
): UseQueryResult<R> {
  return useQuery<R>({
    queryKey: keyOf(document, variables),
    queryFn: ({ signal }) => ask(document, variables, signal),
    enabled,
    refetchInterval: ({ state: { data } }) => (data !== undefined && until?.(data) ? false : every),
    ...(staleTime !== undefined && { staleTime }),
    ...(keepsPrevious && { placeholderData: keepPreviousData }),
  });
}

/** The same operation with each of several variables. */
export function useAskEach<R, V>(document: TypedDocumentString<R, V>, each: readonly V[], { staleTime }: Pick<Options<R>, "staleTime"> = {}): UseQueryResult<R>[] {
  return useQueries<UseQueryOptions<R>[]>({
    queries: each.map((variables) => ({
      queryKey: keyOf(document, variables),
      queryFn: ({ signal }: { signal: AbortSignal }) => ask(document, variables, signal),
      ...(staleTime !== undefined && { staleTime }),
    })),
  });
}

interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

interface PagesOptions<R> extends Options<R> {
  pageInfo: (data: R) => PageInfo | undefined;
  /** What the pages are of, beside the variables: cursors of other content lead nowhere. */
  of?: string;
}

/** All pages of a list so far, each asked for with the cursor at the end of the one before. */
export function usePages<R, V>(
  document: TypedDocumentString<R, V>,
  variables: (after: string | null) => V,
  { pageInfo, of, enabled = true, every = false, keepsPrevious = false }: PagesOptions<R>,
) {
  return useInfiniteQuery({
    queryKey: [...keyOf(document, variables(null)), of],
    queryFn: ({ pageParam, signal }) => ask(document, variables(pageParam), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last: R) => {
      const info = pageInfo(last);
      return info?.hasNextPage ? info.endCursor : null;
    },
    enabled,
    refetchInterval: every,
    ...(keepsPrevious && { placeholderData: keepPreviousData }),
  });
}

/** Asks again for everything that these operations brought. */
export function refresh(...documents: TypedDocumentString<unknown, never>[]): void {
  for (const document of documents) void queryClient.invalidateQueries({ queryKey: [nameOf(document)] });
}

/** Asks again for everything on the page. */
export function refreshAll(): void {
  void queryClient.invalidateQueries();
}

function keyOf(document: TypedDocumentString<unknown, never>, variables: unknown): unknown[] {
  return [nameOf(document), variables];
}

function nameOf(document: TypedDocumentString<unknown, never>): string {
  return /^\s*(?:query|mutation|subscription) (\w+)/m.exec(document.toString())?.[1] ?? document.toString();
}
