import type { Asked } from "./question";

const MODES = [[undefined, "Both"], ["meaning", "Meaning"], ["words", "Words"]] as const;

/** How to search: by meaning, by words, or both. */
export function ModeChips({ mode: chosen, onChange }: { mode: Asked["mode"]; onChange: (mode: Asked["mode"]) => void }) {
  return (
    <span role="group" aria-label="How to search" className="row wrap">
      {MODES.map(([mode, words]) => (
        <button key={words} type="button" className="chip" aria-pressed={chosen === mode} onClick={() => { onChange(mode); }}>
          {mode && <span className={`dot ${mode === "meaning" ? "m" : "w"}`} />} {words}
        </button>
      ))}
    </span>
  );
}

/** Leaves out what is less alike. */
export function LeastCosine({ value, onChange }: { value: string | undefined; onChange: (least: string | undefined) => void }) {
  return (
    <label className="row small muted">
      At least
      <select className="input s" aria-label="Least cosine" value={value ?? ""} onChange={(event) => { onChange(event.target.value || undefined); }}>
        <option value="">any cosine</option>
        {["0.2", "0.3", "0.4", "0.5", "0.6"].map((least) => <option key={least} value={least}>{least}</option>)}
      </select>
    </label>
  );
}
