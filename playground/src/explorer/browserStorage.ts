/**
 * What the browser keeps for the playground, in the shape of the web's `Storage`.
 *
 * The tabs and the ids that they carry belong to a window: two windows that stored them in one place would write over each
 * other, and a reload would bring back a mixture. A new window begins with what was stored last in any.
 */

/** Where GraphiQL keeps its tabs. */
export const TABS_KEY = "graphiql:tabState";
export const CARRIED_IDS_KEY = "docent:carriedIds";

const OF_THE_WINDOW: readonly string[] = [TABS_KEY, CARRIED_IDS_KEY];

/** Keeps things in the storage of a window and in the one that all windows share; each may be absent, or refuse. */
export class BrowserStorage implements Pick<Storage, "length" | "getItem" | "setItem" | "removeItem" | "clear"> {
  /** Values that could not be stored last until the page is left. */
  readonly #unstored = new Map<string, string>();

  constructor(
    private readonly ofWindow: Storage | undefined,
    private readonly ofAll: Storage | undefined,
  ) {}

  get length(): number {
    return (this.ofAll?.length ?? 0) + this.#unstored.size;
  }

  getItem(key: string): string | null {
    return this.#unstored.get(key) ?? this.#at(key).map((place) => place.getItem(key)).find(isText) ?? null;
  }

  /** Throws like the browser if there is no space; GraphiQL shows the error. */
  setItem(key: string, value: string): void {
    const places = this.#at(key);
    if (places.length === 0) this.#unstored.set(key, value);
    for (const place of places) place.setItem(key, value);
  }

  removeItem(key: string): void {
    this.#unstored.delete(key);
    for (const place of this.#at(key)) place.removeItem(key);
  }

  clear(): void {
    this.#unstored.clear();
    for (const place of [this.ofWindow, this.ofAll]) {
      const keys = Array.from({ length: place?.length ?? 0 }, (_, index) => place?.key(index));
      for (const key of keys) if (key && /^(graphiql|docent):/.test(key)) place?.removeItem(key);
    }
  }

  /** The places of a key, in the order in which they are read. */
  #at(key: string): Storage[] {
    const places = OF_THE_WINDOW.includes(key) ? [this.ofWindow, this.ofAll] : [this.ofAll];
    return places.filter((place) => place !== undefined);
  }
}

export const browserStorage = new BrowserStorage(
  permitted(() => sessionStorage),
  permitted(() => localStorage),
);

/** Where a browser forbids a page to store anything, even access to its storage throws. */
function permitted(storage: () => Storage): Storage | undefined {
  try {
    return storage();
  } catch {
    return undefined;
  }
}

function isText(value: string | null): value is string {
  return value !== null;
}
