/**
 * The server counts characters as Unicode scalar values, JavaScript as UTF-16 units. Everything here is for texts of a few
 * kilobytes that are drawn once.
 */

/** The positions in UTF-16 units of rising positions in scalar values; beyond the end is the end. */
export function unitsOf(text: string, scalars: readonly number[]): number[] {
  const units: number[] = [];
  let unit = 0;
  let scalar = 0;
  for (const position of scalars) {
    while (scalar < position && unit < text.length) {
      unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
      scalar += 1;
    }
    units.push(unit);
  }
  return units;
}

/** The number of scalar values. */
export function scalarLength(text: string): number {
  let length = 0;
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- a string iterates by scalar values, not by units
  for (const _ of text) length += 1;
  return length;
}

/** What remains after the first `count` scalar values. */
export function dropScalars(text: string, count: number): string {
  return count > 0 ? text.slice(unitsOf(text, [count])[0]) : text;
}

/** The first `count` scalar values. */
export function takeScalars(text: string, count: number): string {
  return text.slice(0, unitsOf(text, [count])[0]);
}

export interface Piece {
  text: string;
  isMarked: boolean;
}

export interface ScalarRange {
  start: number;
  end: number;
}

/** The text in pieces, of which those in the ranges are marked. The ranges are in order and don't overlap. */
export function pieces(text: string, ranges: readonly ScalarRange[]): Piece[] {
  const bounds = unitsOf(text, ranges.flatMap(({ start, end }) => [start, end]));
  const found: Piece[] = [];
  let from = 0;
  for (let index = 0; index < bounds.length; index += 2) {
    const [start = 0, end = 0] = bounds.slice(index, index + 2);
    if (start > from) found.push({ text: text.slice(from, start), isMarked: false });
    if (end > start) found.push({ text: text.slice(start, end), isMarked: true });
    from = Math.max(from, end);
  }
  if (from < text.length) found.push({ text: text.slice(from), isMarked: false });
  return found;
}

/** The same ranges as positions in the whole text, from excerpts that begin at `startOffset` in it. */
export function rangesOf(excerpts: readonly { startOffset: number; ranges: readonly ScalarRange[] }[]): ScalarRange[] {
  return excerpts.flatMap(({ startOffset, ranges }) =>
    ranges.map(({ start, end }) => ({ start: start + startOffset, end: end + startOffset })),
  );
}

interface Placed {
  content: string;
  startOffset: number;
  endOffset: number;
}

/** What a passage adds to the one before it, which it may repeat in part. */
export function withoutOverlap(previous: Placed | undefined, passage: Placed): { overlap: string; rest: string } {
  const count = previous ? previous.endOffset - passage.startOffset : 0;
  // Only a text that is cut out as it is can be cut again by its offsets.
  if (count <= 0 || scalarLength(passage.content) !== passage.endOffset - passage.startOffset) {
    return { overlap: "", rest: passage.content };
  }
  return { overlap: takeScalars(passage.content, count), rest: dropScalars(passage.content, count) };
}
