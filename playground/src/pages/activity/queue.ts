import { count } from "../../ui/words";

/** A place among the operations that wait, from 1. */
export function queueWords(position: number): string {
  return position === 1 ? "Next in line" : `${count(position - 1, "operation")} before it`;
}
