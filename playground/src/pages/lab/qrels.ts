/** Judgements, and the table of three columns in which search benches keep them (`qrels.tsv`). */
import type { Grades } from "../../text/rankings";

/** By question, and then by the id of a passage or a document. */
export type Judgements = Readonly<Record<string, Grades>>;

const HEAD = "query-id\tcorpus-id\tscore";

/** With one judgement more, another one, or without it. */
export function judged(all: Judgements, question: string, id: string, grade: number | undefined): Judgements {
  const others = Object.fromEntries(Object.entries(all[question] ?? {}).filter(([key]) => key !== id));
  const grades = grade === undefined ? others : { ...others, [id]: grade };
  const rest = Object.fromEntries(Object.entries(all).filter(([key]) => key !== question));
  return Object.keys(grades).length > 0 ? { ...rest, [question]: grades } : rest;
}

/** The question stands for its id. */
export function writeQrels(all: Judgements): string {
  const rows = Object.entries(all).flatMap(([question, grades]) =>
    Object.entries(grades).map(([id, grade]) => `${question.replaceAll("\t", " ")}\t${id}\t${grade}`),
  );
  return `${[HEAD, ...rows].join("\n")}\n`;
}

/** Throws what is wrong with it, in a sentence. */
export function readQrels(table: string): Judgements {
  let found: Judgements = {};
  for (const [index, line] of table.split(/\r?\n/).entries()) {
    const fields = line.split("\t");
    const [question = "", id = "", grade = ""] = fields;
    const isHead = index === 0 && grade.trim() === "score";
    if (line.trim() === "" || isHead) continue;
    if (fields.length !== 3 || !question || !id || !/^\d+$/.test(grade.trim())) {
      throw new Error(`Line ${index + 1} is not a question, an id and a grade with tabs between them.`);
    }
    found = judged(found, question, id, Number(grade));
  }
  return found;
}
