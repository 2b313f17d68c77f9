import { Link } from "@tanstack/react-router";
import { GenerationsDocument } from "../../api/generated/graphql";
import { useAsk } from "../../app/queries";
import { Search, SMALL } from "../../ui/Icon";
import { ModeChips, LeastCosine } from "../search/Choices";
import { ScopeMenu } from "../search/ScopeMenu";
import { collectionIds } from "../search/question";
import { generationWords } from "../generations/words";
import type { Configuration } from "./configuration";

interface ConfigurationCardProps {
  side: "A" | "B";
  configuration: Configuration;
  collections: { id: string; name: string; chunkCount: number }[];
  question: string | undefined;
  onChange: (configuration: Configuration) => void;
}

/** One of the two ways to search. */
export function ConfigurationCard({ side, configuration, collections, question, onChange }: ConfigurationCardProps) {
  const { in: _in, mode, group, min, index } = configuration;
  const ids = collectionIds(configuration);
  const set = (changes: Configuration) => { onChange({ ...configuration, ...changes }); };
  return (
    <section className="card pad stack tight" aria-label={`Search ${side}`}>
      <div className="row">
        <h2 className="grow">{side}</h2>
        {!index && <Link to="/search" search={{ q: question, in: _in, mode, group, min }} className="btn ghost s"><Search {...SMALL} /> Open in Search</Link>}
      </div>
      <div className="row wrap">
        <ScopeMenu collections={collections} chosen={ids} onChange={(next) => { set({ in: next.join(",") || undefined, index: undefined }); }} />
        <ModeChips mode={mode} onChange={(next) => { set({ mode: next, min: undefined }); }} />
        <button type="button" className="chip" aria-pressed={group === "doc"} onClick={() => { set({ group: group ? undefined : "doc" }); }}>Group by document</button>
        {mode === "meaning" && <LeastCosine value={min} onChange={(next) => { set({ min: next }); }} />}
        {ids[0] && ids.length === 1 && <IndexChoice key={ids[0]} collection={ids[0]} value={index} onChange={(next) => { set({ index: next }); }} />}
      </div>
    </section>
  );
}

/** Which index of the collection, if there are several and the user may see them. */
function IndexChoice({ collection, value, onChange }: { collection: string; value: string | undefined; onChange: (index: string | undefined) => void }) {
  const { data } = useAsk(GenerationsDocument, { id: collection }, { staleTime: 15_000 });
  const generations = data?.collection?.generations ?? [];
  if (generations.length < 2) return null;
  return (
    <select className="input s" aria-label="Index" value={value ?? ""} onChange={({ target }) => { onChange(target.value || undefined); }}>
      <option value="">The index in use</option>
      {generations.map((generation) => <option key={generation.id} value={generation.id}>{generationWords(generation)}</option>)}
    </select>
  );
}
