/** Two rankings of the same things: what moved between them, how alike they are, and how good each is. */

export interface Ranked {
  /** What is ranked: the id of a document, or of a passage. */
  key: string;
  /** From 1. */
  rank: number;
}

/** How much better something is ranked here than in the other list. `new` if it is not in the other list. */
export function move({ key, rank }: Ranked, others: readonly Ranked[]): number | "new" {
  const other = others.find((ranked) => ranked.key === key);
  return other ? other.rank - rank : "new";
}

export function moveWords(moved: number | "new"): string {
  if (moved === "new") return "new";
  if (moved === 0) return "same";
  return moved > 0 ? `+${moved}` : `−${-moved}`;
}

/** The part of the first `depth` that both have, 0 to 1. Two empty lists are alike. */
export function overlapAt(a: readonly Ranked[], b: readonly Ranked[], depth: number): number {
  const [first, second] = [keysOf(a, depth), keysOf(b, depth)];
  const most = Math.max(first.length, second.length);
  return most === 0 ? 1 : first.filter((key) => second.includes(key)).length / most;
}

/** Kendall's τ of what both lists have: 1 for the same order, −1 for the reverse. Two things at least have an order. */
export function kendall(a: readonly Ranked[], b: readonly Ranked[]): number | undefined {
  const ranks = new Map(b.map(({ key, rank }) => [key, rank]));
  const common = [...a].sort((one, other) => one.rank - other.rank).flatMap(({ key }) => ranks.get(key) ?? []);
  const pairs = (common.length * (common.length - 1)) / 2;
  if (pairs === 0) return undefined;
  let balance = 0;
  for (const [index, rank] of common.entries()) {
    for (const later of common.slice(index + 1)) balance += Math.sign(later - rank);
  }
  return balance / pairs;
}

/** What somebody said of things that answer a question: 0 for what does not help, more for what does. */
export type Grades = Readonly<Record<string, number>>;

/** nDCG of the first `depth`: 1 if what helps is ranked as well as it can be. Nothing without anything that helps. */
export function ndcg(ranking: readonly Ranked[], grades: Grades, depth: number): number | undefined {
  const best = gain(Object.values(grades).sort((a, b) => b - a).slice(0, depth));
  return best > 0 ? gain(keysOf(ranking, depth).map((key) => grades[key] ?? 0)) / best : undefined;
}

/** The part of what helps that is among the first `depth`. */
export function recall(ranking: readonly Ranked[], grades: Grades, depth: number): number | undefined {
  const helpful = Object.keys(grades).filter((key) => (grades[key] ?? 0) > 0);
  const found = keysOf(ranking, depth).filter((key) => helpful.includes(key));
  return helpful.length > 0 ? found.length / helpful.length : undefined;
}

/** The mean of those that there are. */
export function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : undefined;
}

function keysOf(ranking: readonly Ranked[], depth: number): string[] {
  return ranking.filter(({ rank }) => rank <= depth).map(({ key }) => key);
}

function gain(grades: readonly number[]): number {
  return grades.reduce((sum, grade, index) => sum + grade / Math.log2(index + 2), 0);
}
