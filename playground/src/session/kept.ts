/**
 * Tokens that outlast the page, because their user asked to stay signed in: in the browser's storage, where all windows of
 * this server find them. Only the app's own files can run beside them; its policy allows no other script.
 */
import type { Grant } from "./api";

export interface Kept {
  username: string;
  grant: Grant;
  /** When the access token ends on this machine's clock. */
  endsAt: number;
}

export interface KeptSession {
  read: () => Kept | undefined;
  write: (kept: Kept | undefined) => void;
  /** Calls back when another window wrote. */
  onChange: (listener: (kept: Kept | undefined) => void) => void;
  /** Runs the work while no other window does such work: a refresh token can be used once. */
  alone: (work: () => Promise<void>) => Promise<void>;
}

const KEY = "docent:session";

export const keptSession: KeptSession = {
  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
      return kept?.grant.refreshToken && kept.username ? kept : undefined;
    } catch {
      return undefined;
    }
  },
  write(kept) {
    try {
      if (kept) localStorage.setItem(KEY, JSON.stringify(kept));
      else localStorage.removeItem(KEY);
    } catch {
      // Without storage the session lasts as long as the page.
    }
  },
  onChange(listener) {
    addEventListener("storage", (event) => {
      if (event.key === KEY || event.key === null) listener(this.read());
    });
  },
  async alone(work) {
    // Browsers have locks only where the connection is safe. Elsewhere the server's patience with a second use of a
    // token, which lasts ten seconds, has to do.
    const locks = (navigator as Partial<Navigator>).locks;
    if (!locks) return work();
    await locks.request(KEY, work);
  },
};
