/**
 * Tokens that outlast a reload, in the browser's storage: that of one window, or, if their user asked to stay signed in,
 * that of all windows of this server, which the end of the browser leaves. Only the app's own files can run beside them; its
 * policy allows no other script.
 */
import type { Grant } from "./api";

export interface Kept {
  username: string;
  grant: Grant;
  /** When the access token ends on this machine's clock. */
  endsAt: number;
  /** Whether all windows have it, until somebody signs out. */
  isShared: boolean;
}

export interface Change {
  /** Nothing if somebody signed out. */
  kept?: Kept;
  /** The refresh token that was used, if only windows that have it are concerned. */
  replaced?: string;
}

export interface KeptSession {
  read: () => Kept | undefined;
  /** Keeps tokens, which may come in the place of the refresh token `replaced`. */
  write: (kept: Kept, replaced?: string) => void;
  remove: (isShared: boolean) => void;
  /** Calls back when another window wrote. */
  onChange: (listener: (change: Change) => void) => void;
  /** Runs the work while no other window does such work: a refresh token can be used once. */
  alone: (work: () => Promise<void>) => Promise<void>;
}

const KEY = "docent:session";
/** Browsers copy the storage of a window that is duplicated: the copies tell each other of renewals. */
const copies = new BroadcastChannel(KEY);

export const keptSession: KeptSession = {
  read: () => readFrom(sessionStorage) ?? readFrom(localStorage),
  write(kept, replaced) {
    try {
      // What is in the window's own storage comes first.
      if (kept.isShared) sessionStorage.removeItem(KEY);
      (kept.isShared ? localStorage : sessionStorage).setItem(KEY, JSON.stringify(kept));
    } catch {
      // Without storage the session lasts as long as the page.
    }
    if (!kept.isShared && replaced !== undefined) copies.postMessage({ kept, replaced } satisfies Change);
  },
  remove(isShared) {
    try {
      (isShared ? localStorage : sessionStorage).removeItem(KEY);
    } catch {
      // There is nothing to remove.
    }
  },
  onChange(listener) {
    addEventListener("storage", ({ key, storageArea }) => {
      if (storageArea !== localStorage || (key !== KEY && key !== null)) return;
      const kept = readFrom(localStorage);
      listener(kept ? { kept } : {});
    });
    copies.addEventListener("message", ({ data }) => { listener(data as Change); });
  },
  async alone(work) {
    // Browsers have locks only where the connection is safe. Elsewhere the server's patience with a second use of a
    // token, which lasts ten seconds, has to do.
    const locks = (navigator as Partial<Navigator>).locks;
    if (!locks) return work();
    await locks.request(KEY, work);
  },
};

function readFrom(storage: Storage): Kept | undefined {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "null") as Kept | null;
    return kept?.grant.refreshToken && kept.username ? kept : undefined;
  } catch {
    return undefined;
  }
}
