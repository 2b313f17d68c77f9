import { Link, getRouteApi } from "@tanstack/react-router";
import type { SyntheticEvent } from "react";
import { CompareGenerationsDocument, type CompareGenerationsQuery, type GenerationRowFragment } from "../../api/generated/graphql";
import { useAsk } from "../../app/queries";
import { type Ranked, move, moveWords } from "../../text/rankings";
import { TextArea } from "../../ui/Form";
import { Failed, Loading } from "../../ui/States";
import { generationWords } from "./words";

const route = getRouteApi("/collections/$id/index");
/** The most questions of one comparison. */
const QUESTIONS = 20;
const SHOWN = 10;

type Compared = NonNullable<CompareGenerationsQuery["generationCompare"]>["queries"][number];

/** Asks two indexes the same questions, and shows how their answers differ. The address has all of it. */
export function CompareIndexes({ collectionId, generations }: { collectionId: string; generations: GenerationRowFragment[] }) {
  const { a, b, q } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = (q ?? "").split("\n").map((line) => line.trim()).filter(Boolean).slice(0, QUESTIONS);
  const active = generations.find(({ state }) => state === "ACTIVE")?.id ?? "";
  const other = generations.findLast(({ id }) => id !== active)?.id ?? "";
  const input = { generationId: a ?? other, otherId: b ?? active, queries, first: SHOWN };
  const { data, error, isFetching, refetch } = useAsk(CompareGenerationsDocument, { input }, { enabled: queries.length > 0, keepsPrevious: true });
  const comparison = queries.length > 0 ? data?.generationCompare : undefined;

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => (form.get(name) as string).trim();
    void navigate({ search: { a: text("a"), b: text("b"), q: text("q") }, replace: true, resetScroll: false });
  }

  return (
    <section className="card pad stack" aria-label="Compare">
      <div>
        <h2>Compare on your own questions</h2>
        <p className="muted">Both indexes answer each question; the lists show which documents moved.</p>
      </div>
      <form className="stack" onSubmit={submit}>
        <div className="compared-with">
          <Choice name="a" label="This index" value={input.generationId} generations={generations} />
          <Choice name="b" label="with this one" value={input.otherId} generations={generations} />
        </div>
        <TextArea name="q" label="Questions" required defaultValue={q} placeholder="One a line" hint={`At most ${QUESTIONS}.`} />
        <div><button type="submit" className="btn p" disabled={isFetching}>Compare</button></div>
      </form>
      {error ? <Failed error={error} onRetry={() => void refetch()} /> : queries.length > 0 && !comparison ? <Loading rows={3} /> : null}
      {comparison && (
        <>
          <p role="status"><strong>{percent(comparison.overlap)} of the documents are the same</strong> among the first {SHOWN}, on average.</p>
          {comparison.queries.map((compared) => <Question key={compared.query} collectionId={collectionId} compared={compared} />)}
        </>
      )}
    </section>
  );
}

function Choice({ name, label, value, generations }: { name: string; label: string; value: string; generations: GenerationRowFragment[] }) {
  return (
    <label className="field">
      <span>{label}</span>
      <select key={value} name={name} className="input" defaultValue={value}>
        {generations.map((generation) => <option key={generation.id} value={generation.id}>{generationWords(generation)}</option>)}
      </select>
    </label>
  );
}

function Question({ collectionId, compared: { query, overlap, hits, otherHits } }: { collectionId: string; compared: Compared }) {
  return (
    <section className="stack tight" aria-label={query}>
      <h3 className="break">{query} <span className="muted num">{percent(overlap)} the same</span></h3>
      <div className="compared">
        <Ranking label="This index" collectionId={collectionId} hits={hits} others={otherHits} />
        <Ranking label="The other" collectionId={collectionId} hits={otherHits} others={hits} />
      </div>
    </section>
  );
}

function Ranking({ label, collectionId, hits, others }: { label: string; collectionId: string; hits: Compared["hits"]; others: Compared["hits"] }) {
  if (hits.length === 0) return <p className="muted">{label} finds nothing.</p>;
  const ranked = others.map(rankedOf);
  return (
    <ol aria-label={label}>
      {hits.map((hit) => {
        const { rank, document, chunk } = hit;
        const moved = move(rankedOf(hit), ranked);
        return (
          <li key={document.id} className="row">
            <span className="num muted">{rank}</span>
            <Link to="/collections/$id/documents/$documentId" params={{ id: collectionId, documentId: document.id }} search={{ passage: chunk.id }} className="grow clip" title={chunk.content.slice(0, 300)}>
              {document.title ?? document.fileName}
            </Link>
            <span className={`num small ${moved === "new" ? "warn" : "muted"}`}>{moveWords(moved)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function rankedOf({ rank, document }: Compared["hits"][number]): Ranked {
  return { rank, key: document.id };
}

const percent = (part: number) => `${Math.round(part * 100)} %`;
