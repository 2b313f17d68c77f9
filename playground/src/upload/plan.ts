/** What happens to chosen files: which are sent, which are left out and why, and what probably can't be read. */
import { size } from "../ui/words";

export interface Candidate {
  path: string;
  size: number;
}

export interface Plan<C extends Candidate> {
  ready: C[];
  /** Sent as well, if the user wants, but the server has no reader for such files. */
  doubtful: C[];
  skipped: { candidate: C; reason: string }[];
}

/** What systems and tools leave in folders, and nobody wants to search. */
const CLUTTER = /(^|\/)(\.[^/]+|__MACOSX|node_modules|Thumbs\.db|desktop\.ini)(\/|$)/i;

/** Files that hold no text, or in a form that nothing here reads. The server has the last word on all others. */
const WITHOUT_TEXT =
  /\.(png|jpe?g|gif|webp|bmp|ico|tiff?|heic|svg|psd|mp3|wav|flac|ogg|m4a|mp4|mov|avi|mkv|webm|gz|tar|7z|rar|exe|dll|so|dmg|iso|bin|woff2?|ttf|otf|class|jar|sqlite|db|doc|xls|ppt)$/i;

export function planOf<C extends Candidate>(candidates: readonly C[], limit: number): Plan<C> {
  const plan: Plan<C> = { ready: [], doubtful: [], skipped: [] };
  const paths = new Set<string>();
  for (const candidate of candidates) {
    const reason = reasonToSkip(candidate, limit, paths);
    paths.add(candidate.path);
    if (reason) plan.skipped.push({ candidate, reason });
    else if (WITHOUT_TEXT.test(candidate.path)) plan.doubtful.push(candidate);
    else plan.ready.push(candidate);
  }
  return plan;
}

function reasonToSkip({ path, size: bytes }: Candidate, limit: number, paths: ReadonlySet<string>): string | undefined {
  if (CLUTTER.test(path)) return "Hidden file or a tool’s own";
  if (bytes > limit) return `Larger than ${size(limit)}`;
  if (paths.has(path)) return "Chosen twice";
  return undefined;
}

/** How many files of which size each ending has, most first. */
export function byEnding(candidates: readonly Candidate[]): { ending: string; files: number; bytes: number }[] {
  const kinds = new Map<string, { ending: string; files: number; bytes: number }>();
  for (const { path, size: bytes } of candidates) {
    const ending = /\.([a-z0-9]{1,8})$/i.exec(path)?.[1]?.toLowerCase() ?? "without an ending";
    const kind = kinds.get(ending) ?? { ending, files: 0, bytes: 0 };
    kind.files += 1;
    kind.bytes += bytes;
    kinds.set(ending, kind);
  }
  return Array.from(kinds.values()).sort((a, b) => b.files - a.files || a.ending.localeCompare(b.ending));
}

/** The folder that a path is in, or nothing. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
