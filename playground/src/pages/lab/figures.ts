/** What is said of two answers in numbers. */
import type { CompareSearchesQuery } from "../../api/generated/graphql";
import { type Grades, type Ranked, kendall, ndcg, overlapAt, recall } from "../../text/rankings";

/** Hits of each search. All figures are of so many. */
export const DEPTH = 10;

export type Answer = CompareSearchesQuery;
export type ComparedHit = NonNullable<Answer["a"]>["nodes"][number];

export interface Figures {
  overlap: number;
  tau: number | undefined;
  ndcg: { a: number | undefined; b: number | undefined };
  recall: { a: number | undefined; b: number | undefined };
  tookMs: { a: number; b: number };
}

export interface Compared {
  question: string;
  answer: Answer | undefined;
  figures: Figures | undefined;
}

export function keyOf({ chunk, document }: ComparedHit, by: "passage" | "document"): string {
  return by === "passage" ? chunk.id : document.id;
}

export function rankingOf(search: Answer["a"], by: "passage" | "document"): Ranked[] {
  return (search?.nodes ?? []).map((hit) => ({ key: keyOf(hit, by), rank: hit.rank }));
}

export function figuresOf(answer: Answer | undefined, by: "passage" | "document", grades: Grades = {}): Figures | undefined {
  if (!answer) return undefined;
  const [a, b] = [rankingOf(answer.a, by), rankingOf(answer.b, by)];
  return {
    overlap: overlapAt(a, b, DEPTH),
    tau: kendall(a, b),
    ndcg: { a: ndcg(a, grades, DEPTH), b: ndcg(b, grades, DEPTH) },
    recall: { a: recall(a, grades, DEPTH), b: recall(b, grades, DEPTH) },
    tookMs: { a: answer.a?.tookMs ?? 0, b: answer.b?.tookMs ?? 0 },
  };
}
