import type { Ranked } from "../../text/rankings";

interface LinesProps {
  a: readonly Ranked[];
  b: readonly Ranked[];
  pointed: string | undefined;
}

/** Lines from what is in the left list to the same in the right one. All rows have one height, which is 1 here. */
export function Lines({ a, b, pointed }: LinesProps) {
  const rows = Math.max(a.length, b.length, 1);
  const ranks = new Map(b.map(({ key, rank }) => [key, rank]));
  return (
    // What they show is said beside each answer of B.
    <svg className="lines" viewBox={`0 0 1 ${rows}`} preserveAspectRatio="none" aria-hidden style={{ height: `calc(${rows} * var(--ranking-row))` }}>
      {a.map(({ key, rank }) => {
        const other = ranks.get(key);
        if (other === undefined) return null;
        const tone = other === rank ? "same" : other < rank ? "up" : "down";
        return (
          <path
            key={key}
            className={`${tone} ${key === pointed ? "pointed" : ""}`}
            d={`M0 ${rank - 0.5} C0.5 ${rank - 0.5} 0.5 ${other - 0.5} 1 ${other - 0.5}`}
            vectorEffect="non-scaling-stroke"
          />
        );
      })}
    </svg>
  );
}
