/** How documents are cut into passages, as forms and addresses have it. */
import type { ChunkingInput, ChunkingStrategy } from "../../api/generated/graphql";

/** What is not said is decided by the server, or stays as it is. */
export interface Chunking {
  strategy?: ChunkingStrategy;
  maxTokens?: number;
  overlapTokens?: number;
  /** With HIERARCHICAL. */
  parentMaxTokens?: number;
  /** With SEMANTIC. */
  driftPercentile?: number;
}

export const STRATEGIES: Record<ChunkingStrategy, string> = {
  MARKDOWN: "Markdown structure",
  RECURSIVE: "paragraphs and sentences",
  SENTENCE: "whole sentences",
  TOKEN: "tokens alone",
  CODE: "definitions of source code",
  SEMANTIC: "drifts of meaning",
  HIERARCHICAL: "small passages in larger parts",
};

export const STRATEGY_NAMES = Object.keys(STRATEGIES) as ChunkingStrategy[];

export function chunkingInput({ strategy, parentMaxTokens, driftPercentile, ...sizes }: Chunking): ChunkingInput {
  switch (strategy) {
    case "HIERARCHICAL": return { hierarchical: { ...sizes, ...(parentMaxTokens && { parentMaxTokens }) } };
    case "SEMANTIC": return { semantic: { ...sizes, ...(driftPercentile && { driftPercentile }) } };
    default: return { ...(strategy && { strategy }), ...sizes };
  }
}

const NUMBERS = ["maxTokens", "overlapTokens", "parentMaxTokens", "driftPercentile"] as const;

/** From the fields of a form, or the parameters of an address. Empty ones are not said. */
export function chunkingOf(value: (name: string) => string | null | undefined): Chunking {
  const strategy = STRATEGY_NAMES.find((name) => name === value("strategy"));
  const numbers = NUMBERS.flatMap((name) => (Number(value(name)) >= 0 && value(name)?.trim() ? [[name, Number(value(name))] as const] : []));
  return { ...(strategy && { strategy }), ...(Object.fromEntries(numbers) as Omit<Chunking, "strategy">) };
}

export function writeChunking(chunking: Chunking): string {
  const said = Object.entries<string | number | undefined>({ ...chunking }).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return new URLSearchParams(said).toString();
}
