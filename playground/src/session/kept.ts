/**
 * What all windows of a browser know of its session: whose it is, and whether it outlasts the browser. The session itself is
 * in a cookie that no script can read, and each window has an access token of its own in its memory.
 */

export interface Kept {
  username: string;
  /** Whether the browser keeps the session when it is closed. */
  isPersistent: boolean;
}

export interface KeptSession {
  read: () => Kept | undefined;
  write: (kept: Kept) => void;
  remove: () => void;
  /** Calls back when another window signed in, or out. */
  onChange: (listener: (kept: Kept | undefined) => void) => void;
  /** Runs the work while no other window changes the cookie: a refresh token can be used once. */
  alone: <T>(work: () => Promise<T>) => Promise<T>;
}

const KEY = "docent:signed-in";
/** Where earlier versions kept tokens. */
const TOKENS = "docent:session";

for (const storage of ["sessionStorage", "localStorage"] as const) {
  try {
    window[storage].removeItem(TOKENS);
  } catch {
    // There is nothing to remove.
  }
}

export const keptSession: KeptSession = {
  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
      return kept?.username ? kept : undefined;
    } catch {
      return undefined;
    }
  },
  write(kept) {
    try {
      // With the time: the other windows hear of what is different.
      localStorage.setItem(KEY, JSON.stringify({ ...kept, at: Date.now() }));
    } catch {
      // Without storage only this window knows, until it is reloaded.
    }
  },
  remove() {
    try {
      localStorage.removeItem(KEY);
    } catch {
      // There is nothing to remove.
    }
  },
  onChange(listener) {
    addEventListener("storage", ({ key, storageArea }) => {
      if (storageArea === localStorage && (key === KEY || key === null)) listener(keptSession.read());
    });
  },
  async alone(work) {
    // Browsers have locks only where the connection is safe. Elsewhere the server's patience with a second use of a
    // token, which lasts ten seconds, has to do.
    const locks = (navigator as Partial<Navigator>).locks;
    return locks ? locks.request(KEY, work) : work();
  },
};
