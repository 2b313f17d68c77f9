import { useEffect, useState } from "react";
import { refuseDrops } from "./drops";

/** How long the notice stays after the last drag event of a file, in milliseconds. */
const SHOWN = 15_000;

/** Says what to do with a file instead of dropping it on the page. */
export function DropNotice() {
  /** How often a file was dragged here; 0 hides the notice. */
  const [count, setCount] = useState(0);

  useEffect(() => refuseDrops(window, () => { setCount((before) => before + 1); }), []);
  useEffect(() => {
    if (count === 0) return;
    const timer = setTimeout(() => { setCount(0); }, SHOWN);
    return () => { clearTimeout(timer); };
  }, [count]);

  return (
    <div className="docent-drop" role="status">
      {count > 0 && (
        <>
          <p>
            Files can’t be dropped here. To add a file, call <code>uploadCreate</code>, PUT the file to the returned
            url and call <code>documentsIngest</code>; or paste its text into tab <strong>IngestTexts</strong>.
          </p>
          <button type="button" className="docent-close" aria-label="Close" onClick={() => { setCount(0); }}>
            ×
          </button>
        </>
      )}
    </div>
  );
}
