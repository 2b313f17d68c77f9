/** Settings and results of sources, as people read them. */
import type { SkipReason, SourceRowFragment, SourceRunRowFragment } from "../../api/generated/graphql";
import { count, number } from "../../ui/words";

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
    case "KEEP": return "stays";
    case "DELETE": return "is deleted by the next sync";
    case "DELETE_AFTER": return `is deleted after ${count(syncs ?? 1, "sync")} without it`;
  }
}

export const SKIP_WORDS: Record<SkipReason, string> = {
  EXCLUDED: "left out by the patterns",
  HIDDEN: "hidden",
  INVALID_NAME: "an unusable name",
  LINK: "a symbolic link",
  OTHER_FILE_SYSTEM: "on another file system",
  SPECIAL: "neither a file nor a directory",
  TOO_LARGE: "too large",
  UNREADABLE: "not readable for the server",
};

/** «120 files: 3 added, 1 changed, 116 unchanged». What did not happen is left out. */
export function runWords({ found, added, changed, removed, unchanged, skipped, failed }: SourceRunRowFragment): string {
  const parts = [[added, "added"], [changed, "changed"], [removed, "deleted"], [unchanged, "unchanged"], [skipped, "left out"], [failed, "failed"]] as const;
  const said = parts.filter(([value]) => value > 0).map(([value, words]) => `${number(value)} ${words}`);
  return [count(found, "file"), said.join(", ")].filter(Boolean).join(": ");
}

/** Patterns of a text field: one a line. */
export function patternsOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
