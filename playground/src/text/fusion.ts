/**
 * What each leg of a search adds to a hit's score. The server gives the score and the rank in each leg; a leg of rank r
 * adds 1 / (c + r), and c, which is a setting of the server, follows from the score.
 */

export interface RankedLeg {
  leg: "SEMANTIC" | "LEXICAL";
  rank: number;
}

export interface FusedHit {
  score: number;
  explanation: { legs: readonly RankedLeg[] };
}

/** The constant c of the fused scores of a result. */
export function fusionConstant(hits: readonly FusedHit[]): number {
  const hit = hits.find(({ explanation }) => explanation.legs.length > 0);
  if (!hit || !(hit.score > 0)) return 0;
  const total = (constant: number) => hit.explanation.legs.reduce((sum, { rank }) => sum + 1 / (constant + rank), 0);
  let [low, high] = [-0.5, 1e6];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (total(middle) > hit.score) low = middle;
    else high = middle;
  }
  return Math.max(low, 0);
}

export interface Share {
  semantic: number;
  lexical: number;
  /** The best possible score: rank 1 in both legs. */
  best: number;
}

export function shareOf(hit: FusedHit, constant: number): Share {
  const of = (leg: RankedLeg["leg"]) => {
    const found = hit.explanation.legs.find((ranked) => ranked.leg === leg);
    return found ? 1 / (constant + found.rank) : 0;
  };
  const [semantic, lexical] = [of("SEMANTIC"), of("LEXICAL")];
  // Where the settings weigh the legs, the parts are still those of this hit's score.
  const scale = semantic + lexical > 0 ? hit.score / (semantic + lexical) : 0;
  return { semantic: semantic * scale, lexical: lexical * scale, best: 2 / (constant + 1) };
}
