import type { PreviewChunkingQuery } from "../../api/generated/graphql";
import { count } from "../../ui/words";
import { type Block, align } from "./align";

type Chunk = NonNullable<PreviewChunkingQuery["chunkingPreview"]>["chunkings"][number]["chunks"][number];

/** The passages of both, the same place of the text at the same height. */
export function Cuts({ a, b, isStale }: { a: readonly Chunk[]; b: readonly Chunk[]; isStale: boolean }) {
  const aligned = align(a, b);
  return (
    <div className={`cuts ${isStale ? "stale" : ""}`} style={{ gridTemplateRows: `repeat(${aligned.rows}, auto)` }} aria-busy={isStale}>
      <Column label="Passages of A" blocks={aligned.a} />
      <Column label="Passages of B" blocks={aligned.b} />
    </div>
  );
}

function Column({ label, blocks }: { label: string; blocks: readonly Block<Chunk>[] }) {
  return (
    <ol aria-label={label}>
      {blocks.map(({ chunk, overlap, rest, from, to }, index) => (
        <li key={index} className={`cut ${index % 2 ? "odd" : "even"}`} style={{ gridRow: `${from} / ${to}` }}>
          <p className="faint small">
            {index + 1} · {count(chunk.tokenCount, "token")}
            {chunk.page !== null && ` · page ${chunk.page}`}
            {chunk.headings.length > 0 && ` · ${chunk.headings.join(" › ")}`}
          </p>
          <div className="cut-text">
            {overlap && <span className="repeated" title="Repeated from the passage before">{overlap}</span>}
            {rest}
          </div>
        </li>
      ))}
    </ol>
  );
}
