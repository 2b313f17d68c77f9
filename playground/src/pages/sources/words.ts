/** Settings and results of sources, as people read them. */
import type { SkipReason, SourceKind, SourceRowFragment, SourceRunRowFragment } from "../../api/generated/graphql";
import { count, number } from "../../ui/words";

export interface KindWords {
  /** What is followed. */
  place: string;
  /** One thing in it that becomes a document. */
  file: string;
  /** All that is there, which stays when the source is removed. */
  content: string;
}

export const KIND_WORDS: Record<SourceKind, KindWords> = {
  DIRECTORY: { place: "directory", file: "file", content: "The files in the directory" },
  WEB: { place: "site", file: "page", content: "The pages of the site" },
  BUCKET: { place: "bucket", file: "object", content: "The objects in the bucket" },
};

/** Where a source reads, in a line. */
export function whereOf({ directory, web, bucket }: Pick<SourceRowFragment, "directory" | "web" | "bucket">): string {
  if (directory) return directory.path;
  if (bucket) return [`s3://${bucket.bucket}/${bucket.prefix}`, bucket.endpoint && `at ${bucket.endpoint}`].filter(Boolean).join(" ");
  if (web?.page) return `${web.page.url} and pages up to ${count(web.page.depth, "link")} away`;
  if (web?.sitemap) return web.sitemap;
  const [first = "", ...others] = web?.urls ?? [];
  return others.length > 0 ? `${first} and ${count(others.length, "other page")}` : first;
}

const INTERVALS = [5, 15, 60, 360, 1_440];

/** The intervals to choose from, with the one that a source has. Nothing: on request only. */
export function intervals(current: number | null): [string, string][] {
  const minutes = current === null || INTERVALS.includes(current) ? INTERVALS : [...INTERVALS, current].sort((a, b) => a - b);
  return [["", "On request only"], ...minutes.map((value): [string, string] => [String(value), intervalWords(value)])];
}

export function intervalWords(minutes: number): string {
  const [value, unit] = minutes % 1_440 === 0 ? [minutes / 1_440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
  return value === 1 ? `Every ${unit}` : `Every ${count(value, unit)}`;
}

export function vanishWords({ action, syncs }: SourceRowFragment["onVanish"]): string {
  switch (action) {
    case "KEEP": return "stay";
    case "DELETE": return "are deleted by the next sync";
    case "DELETE_AFTER": return `are deleted after ${count(syncs ?? 1, "sync")} without it`;
  }
}

export const SKIP_WORDS: Record<SkipReason, string> = {
  EXCLUDED: "left out by the patterns",
  HIDDEN: "hidden",
  INTERNAL_ADDRESS: "not at a public address",
  INVALID_NAME: "an unusable name",
  LINK: "a symbolic link",
  MISSING: "not there",
  NOT_TEXT: "an image, a sound or a part of the design",
  OTHER_FILE_SYSTEM: "on another file system",
  OUTSIDE: "not part of the source",
  ROBOTS: "not to be read by programs, says the site",
  SPECIAL: "neither a file nor a directory",
  TOO_LARGE: "too large",
  UNREADABLE: "not readable for the server",
};

/** «120 files: 3 added, 1 changed, 116 unchanged». What did not happen is left out. */
export function runWords({ found, added, changed, removed, unchanged, skipped, failed }: SourceRunRowFragment, file = "file"): string {
  const parts = [[added, "added"], [changed, "changed"], [removed, "deleted"], [unchanged, "unchanged"], [skipped, "left out"], [failed, "failed"]] as const;
  const said = parts.filter(([value]) => value > 0).map(([value, words]) => `${number(value)} ${words}`);
  return [count(found, file), said.join(", ")].filter(Boolean).join(": ");
}

/** The entries of a text field: one a line. */
export function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
