/** Operations that someone looks at, followed over the socket. Each is followed once, however many look at it. */
import { useEffect, useReducer, useSyncExternalStore } from "react";
import { socket } from "../api/ask";
import { FollowDocument, type FollowSubscription } from "../api/generated/graphql";
import { type Store, createStore } from "../store";
import { type Followed, type FollowedEvent, fold, hasEnded } from "./fold";

/** The page is painted at most this often, in milliseconds. */
const PAINT = 250;

interface Following {
  state: Store<Followed | undefined>;
  watchers: number;
  listeners: Set<(event: FollowedEvent) => void>;
  stop: () => void;
}

const followings = new Map<string, Following>();

/** Follows it until the returned function is called. `onEvent` gets every event, at once. */
export function follow(operationId: string, onEvent?: (event: FollowedEvent) => void): () => void {
  const following = followings.get(operationId) ?? begin(operationId);
  following.watchers += 1;
  if (onEvent) following.listeners.add(onEvent);
  return () => {
    following.watchers -= 1;
    if (onEvent) following.listeners.delete(onEvent);
    if (following.watchers === 0) following.stop();
  };
}

export function followedStore(operationId: string): Store<Followed | undefined> {
  return (followings.get(operationId) ?? begin(operationId)).state;
}

function begin(operationId: string): Following {
  const state = createStore<Followed | undefined>(undefined);
  let latest: Followed | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  let paintedAt = -PAINT;

  const paint = () => {
    timer = undefined;
    paintedAt = performance.now();
    if (latest !== state.get()) state.set(latest);
  };
  const following: Following = {
    state,
    watchers: 0,
    listeners: new Set(),
    stop() {
      unsubscribe();
      clearTimeout(timer);
      timer = undefined;
      // What is known of an operation that has ended stays true, also what was not painted yet.
      if (latest && hasEnded(latest.status)) paint();
      else followings.delete(operationId);
    },
  };
  followings.set(operationId, following);
  const unsubscribe = socket.subscribe({ query: FollowDocument.toString(), variables: { operationId } } as { query: string }, {
    next({ data }) {
      const event = (data as FollowSubscription | null | undefined)?.operationEvents;
      if (!event) return;
      latest = fold(latest, event);
      // What comes alone is painted at once.
      timer ??= setTimeout(paint, hasEnded(latest.status) ? 0 : Math.max(0, paintedAt + PAINT - performance.now()));
      for (const listener of following.listeners) listener(event);
    },
    // An operation that is gone, or belongs to somebody else: the pages say so, they read it too.
    error: () => undefined,
    complete: () => undefined,
  });
  return following;
}

const NOTHING = createStore<Followed | undefined>(undefined);

/** The operation as its events tell it; nothing until the first has come. */
export function useFollowed(operationId: string | undefined): Followed | undefined {
  useEffect(() => (operationId === undefined ? undefined : follow(operationId)), [operationId]);
  const store = operationId === undefined ? NOTHING : followedStore(operationId);
  return useSyncExternalStore(store.subscribe, store.get);
}

/** Several operations at once; painted once a second too, because rates fall when nothing happens. */
export function useFollowedAll(ids: readonly string[]): (Followed | undefined)[] {
  const [, repaint] = useReducer((count: number) => count + 1, 0);
  const key = ids.join(" ");
  useEffect(() => {
    if (key === "") return;
    const ends = key.split(" ").flatMap((id) => [follow(id), followedStore(id).subscribe(repaint)]);
    const timer = setInterval(repaint, 1_000);
    return () => {
      for (const end of ends) end();
      clearInterval(timer);
    };
  }, [key]);
  return ids.map((id) => followedStore(id).get());
}
