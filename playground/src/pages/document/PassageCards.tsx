import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { CopyButton } from "../../ui/CopyButton";
import { takeScalars } from "../../text/scalars";
import { count } from "../../ui/words";
import type { PassagePiece } from "./passages";

interface CardsProps {
  passages: PassagePiece[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

export function PassageCards({ passages, chosen, onChoose }: CardsProps) {
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => { card.current?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  return (
    <ol className="cards">
      {passages.map(({ id, index, headings, content, page, tokenCount }) => (
        <li key={id} ref={id === chosen ? card : undefined} className={`card pad stack tight ${id === chosen ? "chosen" : ""}`}>
          <div className="row wrap">
            <button type="button" className="link strong" onClick={() => { onChoose(id); }}>Passage {index + 1}</button>
            <span className="muted small grow break">{headings.join(" › ")}</span>
            <span className="faint small num">{count(tokenCount, "token")}{page !== null && ` · page ${page}`}</span>
          </div>
          <div className="passage-body">{content}</div>
          <div className="row wrap">
            <Link to="/search" search={{ q: takeScalars(content.replace(/\s+/g, " ").trim(), 400), mode: "meaning" }} className="btn ghost s">More like this</Link>
            <CopyButton text={content} />
          </div>
        </li>
      ))}
    </ol>
  );
}
