import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Grades, type Ranked, move, moveWords } from "../../text/rankings";
import { fusionConstant } from "../../text/fusion";
import { Check, SMALL, TriangleAlert, X } from "../../ui/Icon";
import { Excerpt } from "../search/HitCard";
import { ScoreBar } from "../search/ScorePicture";
import type { Asked } from "../search/question";
import { type Answer, type ComparedHit, keyOf, rankingOf } from "./figures";
import { judge } from "./judgements";
import { Lines } from "./Lines";

type By = "passage" | "document";
type Mode = Asked["mode"];

interface RankingsProps {
  question: string;
  answer: Answer;
  modes: { a: Mode; b: Mode };
  by: By;
  grades: Grades;
  isStale: boolean;
}

/** Both answers to one question, with lines between what is in both. */
export function Rankings({ question, answer, modes, by, grades, isStale }: RankingsProps) {
  const [pointed, setPointed] = useState<string>();
  const [a, b] = [rankingOf(answer.a, by), rankingOf(answer.b, by)];
  const side = { question, by, grades, pointed, onPoint: setPointed };
  return (
    <section className="stack tight" aria-label={question} aria-busy={isStale}>
      <Broken name="A" search={answer.a} />
      <Broken name="B" search={answer.b} />
      <div className={`rankings ${isStale ? "stale" : ""}`} inert={isStale} onPointerLeave={() => { setPointed(undefined); }}>
        <Ranking name="A" search={answer.a} mode={modes.a} others={b} isFirst {...side} />
        <Lines a={a} b={b} pointed={pointed} />
        <Ranking name="B" search={answer.b} mode={modes.b} others={a} {...side} />
      </div>
    </section>
  );
}

function Broken({ name, search }: { name: "A" | "B"; search: Answer["a"] }) {
  const broken = search?.legs.filter(({ state }) => state === "FAILED") ?? [];
  return broken.map(({ kind, message }) => (
    <p key={kind} className="note warn"><TriangleAlert {...SMALL} /> {name}: searching by {kind === "SEMANTIC" ? "meaning" : "words"} did not work. {message}</p>
  ));
}

interface RankingProps {
  name: "A" | "B";
  search: Answer["a"];
  mode: Mode;
  question: string;
  by: By;
  others: readonly Ranked[];
  grades: Grades;
  pointed: string | undefined;
  /** Whether the other list is the one that came after it. */
  isFirst?: boolean;
  onPoint: (key: string) => void;
}

function Ranking({ name, search, mode, question, by, others, grades, pointed, isFirst = false, onPoint }: RankingProps) {
  const hits = search?.nodes ?? [];
  const [constant, top] = [fusionConstant(hits), hits[0]?.score ?? 0];
  return (
    <div>
      {hits.length === 0 && <p className="card pad muted">{name} finds nothing.</p>}
      <ol className="ranking" aria-label={`Answers of ${name}`}>
        {hits.map((hit) => {
          const key = keyOf(hit, by);
          const moved = move({ key, rank: hit.rank }, others);
          return (
            <li key={key} className={key === pointed ? "pointed" : ""} onPointerEnter={() => { onPoint(key); }} onFocus={() => { onPoint(key); }}>
              <Title hit={hit} />
              <p className="excerpt small"><Excerpt hit={hit} /></p>
              <div className="row small">
                <Marks question={question} id={key} of={`${name} ${hit.rank}`} grade={grades[key]} />
                <span className="grow"><ScoreBar hit={hit} mode={mode} constant={constant} top={top} /></span>
                <span className={`num ${moved === "new" ? "warn" : "muted"}`}>{isFirst && moved === "new" ? "out" : isFirst ? "" : moveWords(moved)}</span>
              </div>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Title({ hit: { rank, chunk, document } }: { hit: ComparedHit }) {
  return (
    <p className="row">
      <span className="num muted">{rank}</span>
      <Link
        to="/collections/$id/documents/$documentId"
        params={{ id: document.collection.id, documentId: document.id }}
        search={{ passage: chunk.id }}
        className="grow clip"
      >
        {[document.title ?? document.fileName, ...chunk.headings.slice(-1).filter((heading) => heading !== document.title)].join(" › ")}
      </Link>
    </p>
  );
}

/** Whether it answers the question. Pressed again, nothing is said of it. */
function Marks({ question, id, of, grade }: { question: string; id: string; of: string; grade: number | undefined }) {
  const press = (next: number) => () => { judge(question, id, grade === next ? undefined : next); };
  return (
    <span className="marks" role="group" aria-label={`${of}: does it help?`}>
      <button type="button" className="mark-yes" title="It answers the question" aria-label={`${of} helps`} aria-pressed={grade !== undefined && grade > 0} onClick={press(1)}><Check {...SMALL} /></button>
      <button type="button" className="mark-no" title="It does not" aria-label={`${of} does not help`} aria-pressed={grade === 0} onClick={press(0)}><X {...SMALL} /></button>
    </span>
  );
}
