import { count } from "../../ui/words";
import type { PassagePiece } from "./passages";

interface OutlineProps {
  passages: PassagePiece[];
  total: number;
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

/** The passages by the headings above them. */
export function Outline({ passages, total, chosen, onChoose }: OutlineProps) {
  if (passages.length === 0) return null;
  return (
    <nav className="card outline" aria-label="Passages">
      <p className="small muted">{count(total, "passage")}</p>
      <ol>
        {passages.map(({ id, index, headings, content, page, tokenCount }) => {
          const heading = headings.at(-1);
          const isNew = heading !== undefined && heading !== passages[index - 1]?.headings.at(-1);
          return (
            <li key={id}>
              <button type="button" aria-current={id === chosen ? "true" : undefined} onClick={() => { onChoose(id); }}>
                <span className="num faint">{index + 1}</span>
                <span className={`grow clip ${isNew ? "strong" : ""}`}>{isNew ? heading : content.replace(/[#*`\s]+/g, " ").trim().slice(0, 60)}</span>
                <span className="faint num">{page !== null ? `p. ${page}` : tokenCount}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
