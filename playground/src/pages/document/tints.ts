/** A part of a text, cut where passages begin and end. */
import { unitsOf } from "../../text/scalars";
import type { PassagePiece } from "./passages";

export interface TextPart {
  content: string;
  /** Positions in the whole text, in Unicode scalar values. */
  startOffset: number;
  endOffset: number;
}

export interface Tinted {
  text: string;
  /** The first passage that has it. What lies between passages is in none. */
  passage: PassagePiece | undefined;
  /** Whether the next passage has it too. */
  isShared: boolean;
  isChosen: boolean;
}

type Bounds = Pick<PassagePiece, "startOffset" | "endOffset">;

/** The pieces of a part in their order. The passages are in the order of the text. */
export function tint(part: TextPart, passages: readonly PassagePiece[], chosen: string | undefined): Tinted[] {
  const within = passages.filter(({ startOffset, endOffset }) => startOffset < part.endOffset && endOffset > part.startOffset);
  const cuts = new Set([part.startOffset, part.endOffset]);
  for (const { startOffset, endOffset } of within) {
    for (const cut of [startOffset, endOffset]) if (cut > part.startOffset && cut < part.endOffset) cuts.add(cut);
  }
  const bounds = [...cuts].sort((a, b) => a - b);
  const units = unitsOf(part.content, bounds.map((bound) => bound - part.startOffset));
  let first = 0;
  return bounds.slice(0, -1).map((bound, index) => {
    // Whatever ended before this piece is behind all later ones, too.
    while (first < within.length && (within[first]?.endOffset ?? 0) <= bound) first += 1;
    const covering = [];
    for (const passage of within.slice(first)) {
      if (passage.startOffset > bound) break;
      if (covers(passage, bound)) covering.push(passage);
    }
    return {
      text: part.content.slice(units[index], units[index + 1]),
      passage: covering[0],
      isShared: covering.length > 1,
      isChosen: covering.some(({ id }) => id === chosen),
    };
  });
}

/** Where to begin to read so that a passage is in sight, with the one before it. */
export function startFor(passages: readonly PassagePiece[], index: number): number {
  return (passages[index - 1] ?? passages[index])?.startOffset ?? 0;
}

function covers({ startOffset, endOffset }: Bounds, position: number): boolean {
  return startOffset <= position && position < endOffset;
}
