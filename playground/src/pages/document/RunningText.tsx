import { useEffect, useRef } from "react";
import { withoutOverlap } from "../../text/scalars";
import type { PassagePiece } from "./passages";

interface TextProps {
  passages: PassagePiece[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

/**
 * A text that was not kept, put together from its passages: each in its own tint, and what it repeats of the one before it
 * is told by a line.
 */
export function RunningText({ passages, chosen, onChoose }: TextProps) {
  const mark = useRef<HTMLElement>(null);
  useEffect(() => { mark.current?.scrollIntoView({ block: "center" }); }, [chosen, passages.length]);
  return (
    <div className="card running">
      {passages.map((passage, index) => {
        const previous = passages[index - 1];
        const { overlap, rest } = withoutOverlap(previous, passage);
        const gap = previous && passage.startOffset > previous.endOffset ? "\n\n" : "";
        const isChosen = passage.id === chosen;
        return (
          <span key={passage.id}>
            {gap}
            <span
              ref={isChosen ? mark : undefined}
              className={`piece ${index % 2 ? "odd" : "even"} ${isChosen ? "chosen" : ""}`}
              data-passage={passage.index + 1}
              title={`Passage ${passage.index + 1}${overlap ? `, which also has the last ${overlap.length} characters before it` : ""}`}
              onClick={() => { if (getSelection()?.isCollapsed) onChoose(passage.id); }}
            >
              {rest}
            </span>
          </span>
        );
      })}
    </div>
  );
}
