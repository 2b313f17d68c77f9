import { type ScalarRange, pieces } from "../text/scalars";

/** A text with the words marked that match a question. */
export function Marked({ text, ranges }: { text: string; ranges: readonly ScalarRange[] }) {
  return pieces(text, ranges).map(({ text: part, isMarked }, index) =>
    isMarked ? <mark key={index}>{part}</mark> : <span key={index}>{part}</span>,
  );
}
