/** A way to search, as the address of the Lab has it and as the API wants it. */
import type { SearchInput } from "../../api/generated/graphql";
import { oneOf, text } from "../../app/params";
import { type Asked, inputOf } from "../search/question";

export interface Configuration extends Omit<Asked, "q"> {
  /** An index of the only collection in `in`, instead of the one that searches read. */
  index?: string;
}

/** Questions that are asked at once. */
export const QUESTIONS = 50;

/** What a first visit compares. */
const FIRST = { a: "mode=both", b: "mode=meaning" };

export function readConfiguration(side: "a" | "b", given: string | undefined): Configuration {
  const of = (name: string) => text(new URLSearchParams(given ?? FIRST[side]).get(name));
  const [collections, mode, group, min, index] = [of("in"), oneOf(of("mode"), ["meaning", "words"]), oneOf(of("group"), ["doc"]), of("min"), of("index")];
  return {
    ...(collections && { in: collections }),
    ...(mode && { mode }),
    ...(group && { group }),
    ...(min && { min }),
    ...(index && { index }),
  };
}

export function writeConfiguration({ mode, ...rest }: Configuration): string {
  const others = Object.entries<string | undefined>(rest).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return new URLSearchParams([["mode", mode ?? "both"], ...others]).toString();
}

/** The search of the search page beside another one: by meaning alone, or by both if it is that already. */
export function labSides({ in: collections, mode, group, min }: Asked): { a: string; b: string } {
  const a = { in: collections, mode, group, min };
  return { a: writeConfiguration(a), b: writeConfiguration({ in: collections, group, mode: mode === "meaning" ? undefined : "meaning" }) };
}

/** The questions of a text, one a line. */
export function questionsOf(given: string | undefined): string[] {
  const lines = (given ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
  return [...new Set(lines)].slice(0, QUESTIONS);
}

/**
 * Whether passages or documents are compared. Indexes have passages of their own, so of two indexes only the documents can
 * be the same.
 */
export function comparedBy(a: Configuration, b: Configuration): "passage" | "document" {
  return a.group || b.group || a.index !== b.index ? "document" : "passage";
}

/** Both searches for a question. Where documents are compared, both return documents. */
export function searchInputs(q: string, a: Configuration, b: Configuration): { a: SearchInput; b: SearchInput } {
  const of = ({ index, ...asked }: Configuration): SearchInput => ({
    ...inputOf({ ...asked, q, ...(index && { in: "" }), ...(comparedBy(a, b) === "document" && { group: "doc" }) }),
    ...(index && { generationId: index }),
  });
  return { a: of(a), b: of(b) };
}
