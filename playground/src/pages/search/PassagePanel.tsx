import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { type Passage, type PassageNeighbour, passageOf } from "./passage";
import { PassageDocument } from "../../api/generated/graphql";
import { useAsk } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { shareOf } from "../../text/fusion";
import { rangesOf, takeScalars, withoutOverlap } from "../../text/scalars";
import { ArrowDown, ArrowUp, FileText, SMALL, Search, X } from "../../ui/Icon";
import { CopyButton } from "../../ui/CopyButton";
import { Marked } from "../../ui/Marked";
import { Failed, Loading } from "../../ui/States";
import { count } from "../../ui/words";
import { ScoreBar } from "./ScorePicture";
import type { Asked, Hit, Result } from "./question";

interface PanelProps {
  chunkId: string;
  /** The hit, if the passage is among those found. */
  hit: Hit | undefined;
  result: Result | undefined;
  mode: Asked["mode"];
  constant: number;
  onClose: (() => void) | undefined;
  neighbours: { previous: boolean; next: boolean };
  onNeighbour: (which: "previous" | "next") => void;
}

/** One passage: why it was found, and what is around it in its document. */
export function PassagePanel({ chunkId, hit, result, mode, constant, onClose, neighbours, onNeighbour }: PanelProps) {
  const { data, error, refetch } = useAsk(PassageDocument, { id: chunkId }, { staleTime: 60_000 });
  const passage = passageOf(data?.node);
  return (
    <aside className="card panel" aria-label="Passage">
      {error ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={6} />
      ) : !passage ? (
        <Gone onClose={onClose} />
      ) : (
        <>
          <Head passage={passage} onClose={onClose} />
          {hit && result && (
            <section>
              <h3>Why rank {hit.rank}</h3>
              <Why hit={hit} result={result} mode={mode} constant={constant} />
            </section>
          )}
          <section>
            <h3>In the document</h3>
            <Neighbour
              icon={<ArrowUp {...SMALL} />}
              name="Previous"
              neighbour={passage.previous}
              text={passage.previous?.content ?? ""}
              isOpen={neighbours.previous}
              onOpen={() => { onNeighbour("previous"); }}
            />
            <div className="passage-text"><Marked text={textOf(passage, neighbours.previous)} ranges={neighbours.previous && overlaps(passage) ? [] : rangesOf(hit?.highlights ?? [])} /></div>
            <Neighbour
              icon={<ArrowDown {...SMALL} />}
              name="Next"
              neighbour={passage.next}
              text={passage.next ? withoutOverlap(passage, passage.next).rest : ""}
              isOpen={neighbours.next}
              onOpen={() => { onNeighbour("next"); }}
            />
            {passage.parent && (
              <details>
                <summary>The larger part that it is in</summary>
                <div className="passage-text faded">{passage.parent.content}</div>
              </details>
            )}
          </section>
          <Actions passage={passage} />
        </>
      )}
    </aside>
  );
}

function Gone({ onClose }: { onClose: (() => void) | undefined }) {
  return (
    <section>
      <h2>This passage is gone</h2>
      <p className="muted">Its document was replaced or deleted since this link was made.</p>
      {onClose && <button type="button" className="btn s" onClick={onClose}>Close</button>}
    </section>
  );
}

function Head({ passage, onClose }: { passage: Passage; onClose: (() => void) | undefined }) {
  const { document } = passage;
  return (
    <section>
      <div className="row">
        <h2 className="grow break">{document.title ?? document.fileName}</h2>
        {onClose && (
          <button type="button" className="btn ghost s icon" aria-label="Close the passage" onClick={onClose}><X {...SMALL} /></button>
        )}
      </div>
      <p className="muted small">
        {document.collection.name} · passage {passage.index + 1} of {document.chunkCount} · {count(passage.tokenCount, "token")}
        {passage.page !== null && ` · page ${passage.page}`}
      </p>
    </section>
  );
}

/** The explanation in one sentence, and the numbers behind it. */
function Why({ hit, result, mode, constant }: { hit: Hit; result: Result; mode: Asked["mode"]; constant: number }) {
  const candidates = (leg: "SEMANTIC" | "LEXICAL") => result.legs.find(({ kind }) => kind === leg)?.candidates ?? 0;
  const of = (leg: "SEMANTIC" | "LEXICAL") => hit.explanation.legs.find((ranked) => ranked.leg === leg);
  const [semantic, lexical] = [of("SEMANTIC"), of("LEXICAL")];
  const parts = [
    semantic && `${place(semantic.rank)} of ${candidates("SEMANTIC")} by meaning`,
    lexical ? `${place(lexical.rank)} of ${candidates("LEXICAL")} by words` : mode === undefined && "no word of the question is in it",
  ].filter(Boolean);
  if (mode) {
    return <p className="muted">{capital(parts.join(", "))}. {mode === "meaning" ? `Cosine ${hit.score.toFixed(3)}` : `BM25 ${hit.score.toFixed(2)}`}.</p>;
  }
  const share = shareOf(hit, constant);
  return (
    <>
      <p className="muted">{capital(parts.join(" and "))}. Each adds 1 ∕ ({Math.round(constant)} + rank).</p>
      <ScoreBar hit={hit} mode={mode} constant={constant} top={hit.score} />
      {semantic && (
        <div className="leg"><span><span className="dot m" /> meaning: rank {semantic.rank}, cosine {semantic.score.toFixed(3)}</span><b className="num">{share.semantic.toFixed(3)}</b></div>
      )}
      {lexical && (
        <div className="leg"><span><span className="dot w" /> words: rank {lexical.rank}, BM25 {lexical.score.toFixed(2)}</span><b className="num">{share.lexical.toFixed(3)}</b></div>
      )}
    </>
  );
}

interface NeighbourProps {
  icon: ReactNode;
  name: string;
  neighbour: PassageNeighbour | null;
  text: string;
  isOpen: boolean;
  onOpen: () => void;
}

function Neighbour({ icon, name, neighbour, text, isOpen, onOpen }: NeighbourProps) {
  if (!neighbour) return <p className="faint small">{name === "Next" ? "The document ends here." : "The document begins here."}</p>;
  if (isOpen) return <div className="passage-text faded">{text}</div>;
  return (
    <button type="button" className="neighbour" onClick={onOpen}>
      {icon} <span className="vh">{name}: </span>
      <span className="clip">{neighbour.headings.at(-1) && <i>{neighbour.headings.at(-1)} · </i>}{text.trim().replace(/\s+/g, " ").slice(0, 90)}</span>
    </button>
  );
}

function Actions({ passage }: { passage: Passage }) {
  const { limits } = useFrame();
  const [address] = useState(() => new URL(location.href));
  address.searchParams.set("hit", passage.id);
  const like = takeScalars(passage.content.replace(/\s+/g, " ").trim(), Math.min(limits?.queryCharacters ?? 400, 400));
  return (
    <section className="row wrap">
      <Link
        to="/collections/$id/documents/$documentId"
        params={{ id: passage.document.collection.id, documentId: passage.document.id }}
        search={{ passage: passage.id }}
        className="btn s"
      >
        <FileText {...SMALL} /> Open in its document
      </Link>
      <Link to="/search" search={{ q: like, mode: "meaning" }} className="btn s"><Search {...SMALL} /> More like this</Link>
      <CopyButton text={address.href} label="Copy link" />
    </section>
  );
}

function overlaps(passage: Passage): boolean {
  return passage.previous !== null && withoutOverlap(passage.previous, passage).overlap !== "";
}

/** The passage, without what the open one before it has already. */
function textOf(passage: Passage, isPreviousOpen: boolean): string {
  return isPreviousOpen && passage.previous ? withoutOverlap(passage.previous, passage).rest : passage.content;
}

function place(rank: number): string {
  return rank === 1 ? "best" : `number ${rank}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
