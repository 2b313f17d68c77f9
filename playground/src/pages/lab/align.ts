/** Two ways to cut one text, laid beside each other so that the same place of the text is at the same height. */
import { withoutOverlap } from "../../text/scalars";

export interface CutChunk {
  content: string;
  startOffset: number;
  endOffset: number;
}

export interface Block<C> {
  chunk: C;
  /** What it repeats of the chunk before it. */
  overlap: string;
  rest: string;
  /** Its first line of the common grid, from 1, and the line after its last. */
  from: number;
  to: number;
}

/** The blocks of both, and how many rows of the grid they are in. */
export function align<C extends CutChunk>(a: readonly C[], b: readonly C[]): { a: Block<C>[]; b: Block<C>[]; rows: number } {
  const [starts, others] = [startsOf(a), startsOf(b)];
  const lines = [...new Set([...starts, ...others])].sort((one, other) => one - other);
  const lineOf = new Map(lines.map((position, index) => [position, index + 1]));
  const blocks = (chunks: readonly C[], positions: readonly number[]) =>
    chunks.map((chunk, index): Block<C> => ({
      chunk,
      ...withoutOverlap(chunks[index - 1], chunk),
      from: lineOf.get(positions[index] ?? 0) ?? 1,
      to: lineOf.get(positions[index + 1] ?? 0) ?? lines.length,
    }));
  return { a: blocks(a, starts), b: blocks(b, others), rows: Math.max(lines.length - 1, 1) };
}

/** Where each adds something to the one before it, and where the last one ends: rising, so that every block has a row. */
function startsOf(chunks: readonly CutChunk[]): number[] {
  const positions: number[] = [];
  for (const [index, { startOffset }] of chunks.entries()) {
    const earliest = (positions.at(-1) ?? -1) + 1;
    positions.push(index === 0 ? 0 : Math.max(startOffset, chunks[index - 1]?.endOffset ?? 0, earliest));
  }
  const end = Math.max(chunks.at(-1)?.endOffset ?? 0, (positions.at(-1) ?? -1) + 1);
  return chunks.length > 0 ? [...positions, end] : [];
}

/** How many chunks have about so many tokens, in as many equal steps up to the largest of all. */
export function histogram(tokens: readonly number[], most: number, steps = 12): number[] {
  const counts = Array.from({ length: steps }, () => 0);
  for (const count of tokens) {
    const step = Math.min(steps - 1, Math.floor((count / Math.max(most, 1)) * steps));
    counts[step] = (counts[step] ?? 0) + 1;
  }
  return counts;
}
