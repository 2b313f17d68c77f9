import { useEffect, useRef, useState } from "react";
import type { ChunkingStrategy, PreviewChunkingQuery } from "../../api/generated/graphql";
import { count, number } from "../../ui/words";
import { type Chunking, STRATEGIES, STRATEGY_NAMES } from "../generations/chunking";
import { histogram } from "./align";

type Cut = NonNullable<PreviewChunkingQuery["chunkingPreview"]>["chunkings"][number];

interface CutCardProps {
  side: "A" | "B";
  chunking: Chunking;
  /** Tokens that the model reads. */
  most: number;
  cut: Cut | undefined;
  onChange: (chunking: Chunking) => void;
}

/** How long to wait for the next step of a slider, in milliseconds. */
const QUIET = 60;

/** One of the two ways to cut, and what became of it in numbers. */
export function CutCard({ side, chunking, most, cut, onChange }: CutCardProps) {
  const { strategy, maxTokens = cut?.chunking.maxTokens ?? most } = chunking;
  const set = (changes: Chunking) => { onChange({ ...chunking, ...changes }); };
  return (
    <section className="card pad stack tight" aria-label={`Cut ${side}`}>
      <div className="row">
        <h2>{side}</h2>
        <select className="input s grow" aria-label={`${side} cuts by`} value={strategy ?? ""} onChange={({ target }) => { set({ strategy: (target.value || undefined) as ChunkingStrategy | undefined, parentMaxTokens: undefined, driftPercentile: undefined }); }}>
          <option value="">by what it is</option>
          {STRATEGY_NAMES.map((name) => <option key={name} value={name}>by {STRATEGIES[name]}</option>)}
        </select>
      </div>
      <Slider label="Most tokens" value={Math.min(maxTokens, most)} min={16} max={most} onChange={(value) => { onChange(withMost(chunking, value)); }} />
      <Slider label="Tokens repeated" value={chunking.overlapTokens ?? cut?.chunking.overlapTokens ?? 0} min={0} max={Math.floor(maxTokens / 2)} onChange={(overlapTokens) => { set({ overlapTokens }); }} />
      {strategy === "HIERARCHICAL" && (
        <Slider label="Most tokens of a part" value={chunking.parentMaxTokens ?? cut?.chunking.parentMaxTokens ?? maxTokens * 4} min={maxTokens + 1} max={4096} onChange={(parentMaxTokens) => { set({ parentMaxTokens }); }} />
      )}
      {strategy === "SEMANTIC" && (
        <Slider label="Drift, of a hundred" value={chunking.driftPercentile ?? cut?.chunking.driftPercentile ?? 90} min={50} max={99} onChange={(driftPercentile) => { set({ driftPercentile }); }} />
      )}
      {cut && <Statistics side={side} cut={cut} />}
    </section>
  );
}

/** What depends on the size of a passage stays possible. */
function withMost(chunking: Chunking, maxTokens: number): Chunking {
  const { overlapTokens, parentMaxTokens } = chunking;
  return {
    ...chunking,
    maxTokens,
    ...(overlapTokens !== undefined && { overlapTokens: Math.min(overlapTokens, Math.floor(maxTokens / 2)) }),
    ...(parentMaxTokens !== undefined && { parentMaxTokens: Math.max(parentMaxTokens, maxTokens + 1) }),
  };
}

function Slider({ label, value, min, max, onChange }: { label: string; value: number; min: number; max: number; onChange: (value: number) => void }) {
  const [moved, setMoved] = useState<number>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => { clearTimeout(timer.current); }, []);
  const shown = moved ?? value;
  return (
    <label className="slider small">
      <span>{label}</span>
      <input
        type="range"
        min={min}
        max={max}
        value={shown}
        onChange={({ target }) => {
          const next = Number(target.value);
          setMoved(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => {
            setMoved(undefined);
            onChange(next);
          }, QUIET);
        }}
      />
      <output className="num">{number(shown)}</output>
    </label>
  );
}

function Statistics({ side, cut: { chunkCount, tokenCount, minTokens, maxTokens, meanTokens, chunks } }: { side: string; cut: Cut }) {
  const bars = histogram(chunks.map((chunk) => chunk.tokenCount), maxTokens ?? 1);
  const top = Math.max(...bars, 1);
  return (
    <div className="row wrap">
      <p className="small grow">
        <strong>{count(chunkCount, "passage")}</strong>
        {meanTokens !== null && <span className="muted num"> of {minTokens} to {maxTokens} tokens, {Math.round(meanTokens)} on average, {number(tokenCount)} in all</span>}
      </p>
      <svg className="histogram" viewBox={`0 0 ${bars.length * 8} 28`} role="img" aria-label={`Tokens of the passages of ${side}: ${bars.join(", ")} in twelve steps up to ${maxTokens ?? 0}`}>
        {bars.map((bar, index) => <rect key={index} x={index * 8} y={28 - (26 * bar) / top} width={6} height={(26 * bar) / top + 0.5} />)}
      </svg>
    </div>
  );
}
