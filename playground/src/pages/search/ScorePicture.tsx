import { type Share, shareOf } from "../../text/fusion";
import type { Asked, Hit } from "./question";

interface ScoreProps {
  hit: Hit;
  mode: Asked["mode"];
  /** The constant of the fusion. */
  constant: number;
  /** The best score in the result, which fills the bar of a single leg by words. */
  top: number;
}

/** The score as a bar, with its numbers: what meaning and words add to it, as parts of the best that is possible. */
export function ScorePicture(props: ScoreProps) {
  const { hit, mode } = props;
  return (
    <>
      <ScoreBar {...props} />
      {mode ? (
        <div className="leg"><span>{mode === "meaning" ? "cosine, 0 to 1" : "BM25, best is full"}</span><span className="num">{hit.score.toFixed(2)}</span></div>
      ) : (
        <>
          <Leg hit={hit} leg="SEMANTIC" digits={2} />
          <Leg hit={hit} leg="LEXICAL" digits={1} />
        </>
      )}
    </>
  );
}

/** The bar alone. */
export function ScoreBar({ hit, mode, constant, top }: ScoreProps) {
  if (mode) {
    const isMeaning = mode === "meaning";
    // A cosine has a scale of its own; BM25 has none, so the best hit fills the bar.
    const width = (100 * Math.max(hit.score, 0)) / (isMeaning ? 1 : Math.max(top, 1e-9));
    const words = isMeaning ? `Cosine ${hit.score.toFixed(3)} of 1` : `BM25 ${hit.score.toFixed(2)}, the best here is ${top.toFixed(2)}`;
    return (
      <div className="pic" role="img" aria-label={words}>
        <i className={isMeaning ? "m" : "w"} style={{ width: `${Math.min(width, 100)}%` }} />
      </div>
    );
  }
  const share = shareOf(hit, constant);
  return (
    <div className="pic" role="img" aria-label={sentence(share, hit.score)}>
      <i className="m" style={{ width: `${(100 * share.semantic) / share.best}%` }} />
      <i className="w" style={{ width: `${(100 * share.lexical) / share.best}%` }} />
    </div>
  );
}

const NAMES = { SEMANTIC: "meaning", LEXICAL: "words" } as const;

function Leg({ hit, leg, digits }: { hit: Hit; leg: "SEMANTIC" | "LEXICAL"; digits: number }) {
  const found = hit.explanation.legs.find((ranked) => ranked.leg === leg);
  return (
    <div className="leg">
      <span><span className={`dot ${leg === "SEMANTIC" ? "m" : "w"}`} /> {NAMES[leg]}{found && ` #${found.rank}`}</span>
      <span className="num">{found ? found.score.toFixed(digits) : "no match"}</span>
    </div>
  );
}

function sentence({ semantic, lexical }: Share, score: number): string {
  return `Score ${score.toFixed(3)}: meaning ${semantic.toFixed(3)}, words ${lexical.toFixed(3)}`;
}
