import type { GenerationRowFragment } from "../../api/generated/graphql";
import { Time } from "../../ui/Time";
import { number } from "../../ui/words";
import { chunkingWords, modelState, modelWords } from "./words";

interface IndexTableProps {
  generations: GenerationRowFragment[];
  onPromote: (generation: GenerationRowFragment) => void;
}

export function IndexTable({ generations, onPromote }: IndexTableProps) {
  return (
    <div className="card table">
      <table className="stacks" aria-label="Indexes">
        <thead>
          <tr><th>Index</th><th>Model and passages</th><th className="hide-s">Documents</th><th className="hide-s">Passages</th><th className="hide-s">Since</th><th><span className="vh">Actions</span></th></tr>
        </thead>
        <tbody>
          {generations.map((generation) => {
            const { id, state, embeddingModel, chunking, documentCount, chunkCount, createdAt, promotedAt, retiredAt } = generation;
            const [words, tone] = modelState(embeddingModel.state);
            return (
              <tr key={id}>
                <td className="whole"><GenerationBadge state={state} /></td>
                <td>
                  {modelWords(embeddingModel)} {tone !== "good" && <span className={tone}>({words})</span>}
                  <div className="muted small">{chunkingWords(chunking)}</div>
                </td>
                <td className="num hide-s">{number(documentCount)}</td>
                <td className="num hide-s">{number(chunkCount)}</td>
                <td className="muted hide-s"><Time at={retiredAt ?? promotedAt ?? createdAt} /></td>
                <td className="end">
                  {state === "RETIRED" && <button type="button" className="btn s" onClick={() => { onPromote(generation); }}>Use this one</button>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function GenerationBadge({ state }: { state: GenerationRowFragment["state"] }) {
  switch (state) {
    case "ACTIVE": return <span className="badge g">Active</span>;
    case "BUILDING": return <span className="badge a"><span className="live" /> Being built</span>;
    case "RETIRED": return <span className="badge">Retired</span>;
  }
}
