/** The question that an address asks, as the API wants it. */
import type { SearchInput, SearchQuery } from "../../api/generated/graphql";

export type Result = NonNullable<SearchQuery["search"]>;
export type Hit = Result["nodes"][number];

export interface Asked {
  q?: string;
  in?: string;
  mode?: "meaning" | "words";
  group?: "doc";
  min?: string;
}

export const PAGE = 20;

export function collectionIds(asked: Asked): string[] {
  return asked.in?.split(",").filter(Boolean) ?? [];
}

export function inputOf(asked: Asked): SearchInput {
  const ids = collectionIds(asked);
  const least = Number(asked.min);
  return {
    query: asked.q ?? "",
    mode: asked.mode === "meaning" ? "SEMANTIC" : asked.mode === "words" ? "LEXICAL" : "HYBRID",
    ...(ids.length > 0 && { collectionIds: ids }),
    ...(asked.group && { groupBy: "DOCUMENT" as const }),
    ...(least > 0 && { minScore: least }),
  };
}

/** Below this cosine, with no word in common, a passage is hardly about the question. */
export const WEAK = 0.25;

/** The index of the hit from which on all are weak; nothing if the last is not. */
export function firstWeak(hits: readonly Hit[]): number | undefined {
  let index = hits.length;
  while (index > 0 && isWeak(hits[index - 1])) index -= 1;
  return index < hits.length ? index : undefined;
}

function isWeak(hit: Hit | undefined): boolean {
  const legs = hit?.explanation.legs ?? [];
  return legs.length > 0 && legs.every(({ leg, score }) => leg === "SEMANTIC" && score < WEAK);
}
