import { mean } from "../../text/rankings";
import { Figure } from "../../ui/Progress";
import { count } from "../../ui/words";
import { type Compared, DEPTH } from "./figures";
import { decimal, milliseconds, percent } from "./words";

/** How alike both are, and which of them is better by what the user said. */
export function Summary({ compared, by }: { compared: readonly Compared[]; by: "passage" | "document" }) {
  const figures = compared.flatMap(({ figures }) => figures ?? []);
  const of = (value: (each: (typeof figures)[number]) => number | undefined) => mean(figures.map(value));
  const better = compare(of(({ ndcg }) => ndcg.a), of(({ ndcg }) => ndcg.b));
  const isJudged = figures.some(({ ndcg }) => ndcg.a !== undefined);
  if (figures.length === 0) return null;
  return (
    <section className="card pad stack tight" aria-label="Summary">
      <div className="figures" role="status">
        <Figure value={percent(of(({ overlap }) => overlap))} label={`of the first ${DEPTH} are the same`} />
        <Figure value={decimal(of(({ tau }) => tau))} label="Kendall’s τ of these" />
        <Both label={`nDCG@${DEPTH}`} a={decimal(of(({ ndcg }) => ndcg.a))} b={decimal(of(({ ndcg }) => ndcg.b))} better={better} />
        <Both label={`recall@${DEPTH}`} a={percent(of(({ recall }) => recall.a))} b={percent(of(({ recall }) => recall.b))} />
        <Both label="in the server" a={milliseconds(of(({ tookMs }) => tookMs.a))} b={milliseconds(of(({ tookMs }) => tookMs.b))} />
      </div>
      <p className="muted small">
        {compared.length > 1 && `The mean of ${count(figures.length, "question")}. `}
        {by === "document" && "Documents are compared, each with its best passage. "}
        {isJudged
          ? "nDCG and recall follow from what you marked; it stays in this browser."
          : "Mark what answers the question and what does not: nDCG and recall follow from it. Your marks stay in this browser."}
      </p>
    </section>
  );
}

function Both({ label, a, b, better }: { label: string; a: string; b: string; better?: "a" | "b" | undefined }) {
  return (
    <Figure
      value={<>{side("A", a, better === "a")} <span className="faint">·</span> {side("B", b, better === "b")}</>}
      label={label}
    />
  );
}

const side = (name: string, value: string, isBetter: boolean) => <span className={isBetter ? "good" : ""}><span className="muted small">{name}</span> {value}{isBetter && <span className="vh"> (better)</span>}</span>;

function compare(a: number | undefined, b: number | undefined): "a" | "b" | undefined {
  if (a === undefined || b === undefined || a === b) return undefined;
  return a > b ? "a" : "b";
}
