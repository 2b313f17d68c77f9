import { useEffect, useRef, useState } from "react";
import { DocumentTextDocument } from "../../api/generated/graphql";
import { usePages } from "../../app/queries";
import { Failed, Loading } from "../../ui/States";
import { number } from "../../ui/words";
import type { PassagePiece } from "./passages";
import { RunningText } from "./RunningText";
import { startFor, tint } from "./tints";

/** Characters that are read at once. */
const PART = 20_000;

interface TextProps {
  documentId: string;
  /** Changes with the content. */
  contentHash: string;
  passages: PassagePiece[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

/** The text as it was read from the file, a part at a time. A passage that is far away is gone to without what is before it. */
export function ReadText(props: TextProps) {
  const { documentId, contentHash, passages, chosen, onChoose } = props;
  /** Where it is read from, since a passage was chosen. */
  const [start, setStart] = useState<{ of: string | undefined; from?: number | undefined }>({ of: undefined });
  const { from } = start;
  const mark = useRef<HTMLElement>(null);
  const pages = usePages(
    DocumentTextDocument,
    (after) => ({ id: documentId, first: PART, ...(after !== null ? { after } : from !== undefined && { from }) }),
    { pageInfo: ({ document }) => document?.text?.pageInfo, of: contentHash },
  );
  const parts = pages.data?.pages.flatMap(({ document }) => document?.text ?? []) ?? [];
  const begin = parts[0]?.startOffset ?? 0;
  const end = parts.at(-1)?.endOffset ?? 0;
  const wanted = passages.find(({ id }) => id === chosen);
  // Once for each choice, so that one can go back to the beginning.
  if (wanted && wanted.id !== start.of && parts.length > 0) {
    const isFar = wanted.startOffset < begin || wanted.startOffset >= end;
    setStart({ of: wanted.id, from: isFar ? startFor(passages, wanted.index) : from });
  }
  useEffect(() => { mark.current?.scrollIntoView({ block: "center" }); }, [chosen, begin, passages.length]);

  if (pages.error) return <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>;
  if (pages.isPending) return <Loading />;
  const length = parts[0]?.length;
  // Texts were not always kept.
  if (length === undefined) return <RunningText passages={passages} chosen={chosen} onChoose={onChoose} />;
  const pieces = parts.flatMap((part) => tint(part, passages, chosen));
  const firstChosen = pieces.findIndex(({ isChosen }) => isChosen);
  return (
    <div className="stack text">
      {begin > 0 && (
        <div className="row wrap">
          <span className="muted small grow num">from character {number(begin + 1)}</span>
          <button type="button" className="btn s" onClick={() => { setStart({ of: chosen }); }}>Read from the beginning</button>
        </div>
      )}
      <div className="card running">
        {pieces.map(({ text, passage, isShared, isChosen }, index) => (
          <span
            key={index}
            ref={index === firstChosen ? mark : undefined}
            className={passage && `piece ${passage.index % 2 ? "odd" : "even"} ${isChosen ? "chosen" : ""}`}
            data-passage={passage && passage.index + 1}
            title={passage && `Passage ${passage.index + 1}${isShared ? " and the next one" : ""}`}
            onClick={() => { if (passage && getSelection()?.isCollapsed) onChoose(passage.id); }}
          >
            {text}
          </span>
        ))}
      </div>
      <div className="row wrap">
        <span className="muted small grow num">
          {begin === 0 && end === length ? `${number(length)} characters` : `${number(begin + 1)} to ${number(end)} of ${number(length)} characters`}
        </span>
        {pages.hasNextPage && (
          <button type="button" className="btn s" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>Read on</button>
        )}
      </div>
    </div>
  );
}
