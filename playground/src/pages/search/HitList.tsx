import { Link } from "@tanstack/react-router";
import { Fragment, type RefObject } from "react";
import { CircleAlert, LARGE, SMALL, Search } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { HitCard } from "./HitCard";
import type { Answers } from "./SearchPage";
import { type Asked, WEAK, firstWeak } from "./question";

interface HitListProps {
  ref: RefObject<HTMLOListElement | null>;
  asked: Asked;
  search: Answers;
  selected: string | undefined;
  onChange: (changes: Partial<Asked>) => void;
}

export function HitList({ ref, asked, search, selected, onChange }: HitListProps) {
  const { hits, result, constant, top, isStale, error } = search;
  if (error && hits.length === 0) return <div className="card"><Failed error={error} onRetry={search.retry} /></div>;
  if (!result) return <div className="card"><Loading /></div>;
  const weak = asked.mode === undefined ? firstWeak(hits) : undefined;
  return (
    <div aria-busy={isStale} className={isStale ? "stale" : ""}>
      <Warnings search={search} />
      {hits.length === 0 ? (
        <NoHits asked={asked} isAnonymous={search.isAnonymous} onChange={onChange} />
      ) : (
        <ol ref={ref} className="card hits" aria-label="Results">
          {hits.map((hit, index) => (
            <Fragment key={hit.chunk.id}>
              {index === weak && (
                <li className="weak"><span>Weak matches below: no word in common, cosine under {WEAK}</span></li>
              )}
              <HitCard hit={hit} mode={asked.mode} constant={constant} top={top} isSelected={hit.chunk.id === selected} />
            </Fragment>
          ))}
        </ol>
      )}
      {search.hasMore && hits.length > 0 && (
        <p className="row more">
          <button type="button" className="btn" disabled={search.isMoreLoading} onClick={search.more}>
            {search.isMoreLoading ? "One moment…" : "Show more"}
          </button>
        </p>
      )}
    </div>
  );
}

/** What is missing from the answer, and why. */
function Warnings({ search: { result } }: { search: Answers }) {
  const broken = result?.legs.filter(({ state }) => state === "FAILED") ?? [];
  if (broken.length === 0 && !result?.isPartial) return null;
  return (
    <div className="note warn" role="alert">
      <CircleAlert {...SMALL} />
      <div>
        {broken.map(({ kind, message }) => (
          <p key={kind}>Searching by {kind === "SEMANTIC" ? "meaning" : "words"} did not work. {message}</p>
        ))}
        {broken.length === 0 && <p>Not everything could be searched. Choose fewer collections.</p>}
      </div>
    </div>
  );
}

function NoHits({ asked, isAnonymous, onChange }: { asked: Asked; isAnonymous: boolean; onChange: (changes: Partial<Asked>) => void }) {
  return (
    <div className="card">
      <Empty icon={<Search {...LARGE} />} title="Nothing was found">
        <p>{isAnonymous ? "You see public collections only. Sign in to search your own." : "Ask in other words, or search more widely."}</p>
        <div className="row wrap">
          {asked.in && <button type="button" className="btn s" onClick={() => { onChange({ in: undefined }); }}>Search all collections</button>}
          {asked.mode && <button type="button" className="btn s" onClick={() => { onChange({ mode: undefined, min: undefined }); }}>By meaning and words</button>}
          {asked.min && <button type="button" className="btn s" onClick={() => { onChange({ min: undefined }); }}>With any score</button>}
          {isAnonymous && <Link to="/sign-in" search={{}} className="btn s">Sign in</Link>}
        </div>
      </Empty>
    </div>
  );
}
