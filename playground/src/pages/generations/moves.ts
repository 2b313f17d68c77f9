/** What two rankings of the same documents have in common. */
export interface Ranked {
  rank: number;
  document: { id: string };
}

/** How much better a document is ranked here than in the other list. `new` if it is not in the other list. */
export function move(hit: Ranked, others: readonly Ranked[]): number | "new" {
  const other = others.find(({ document }) => document.id === hit.document.id);
  return other ? other.rank - hit.rank : "new";
}

export function moveWords(moved: number | "new"): string {
  if (moved === "new") return "new";
  if (moved === 0) return "same";
  return moved > 0 ? `+${moved}` : `−${-moved}`;
}
