import type { ReactNode } from "react";

export interface Parts {
  done: number;
  failed: number;
  working: number;
  total: number;
}

/** A bar in four parts: done, failed, working, and the rest that waits. It ends green, or amber when something failed. */
export function PartsBar({ parts: { done, failed, working, total }, hasEnded }: { parts: Parts; hasEnded: boolean }) {
  const width = (value: number) => ({ width: `${total > 0 ? (100 * value) / total : 0}%` });
  const tone = !hasEnded ? "done" : failed > 0 ? "amber" : "ok";
  return (
    <div
      className="parts"
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done + failed}
      aria-valuetext={`${done + failed} of ${total} done${failed > 0 ? `, ${failed} failed` : ""}`}
      aria-label="Progress"
      data-tone={tone}
    >
      <i className={tone} style={width(done)} />
      <i className="failed" style={width(failed)} />
      <i className="working" style={width(working)} />
    </div>
  );
}

export function Figure({ value, label, tone = "" }: { value: ReactNode; label: string; tone?: string }) {
  return (
    <div className="figure">
      <b className={`num ${tone}`}>{value}</b>
      <span className="muted">{label}</span>
    </div>
  );
}

/** A line through the last values, drawn from zero. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  if (values.length < 2) return null;
  const top = Math.max(...values, 0.1);
  const points = values.map((value, index) =>
    `${((index / (values.length - 1)) * 160).toFixed(1)},${(34 - (value / top) * 30).toFixed(1)}`,
  );
  return (
    <svg className="spark" viewBox="0 0 160 36" role="img" aria-label={label}>
      <polyline fill="none" stroke="currentColor" strokeWidth="2" strokeLinejoin="round" points={points.join(" ")} />
    </svg>
  );
}
