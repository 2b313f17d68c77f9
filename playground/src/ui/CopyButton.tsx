import { useEffect, useState } from "react";
import { Check, Copy, SMALL } from "./Icon";
import { sayProblem } from "./toasts";

/** Copies a text, and says so on the button. */
export function CopyButton({ text, label = "Copy", isSmall = true }: { text: string; label?: string; isSmall?: boolean }) {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => { setDone(false); }, 2_000);
    return () => { clearTimeout(timer); };
  }, [isDone]);

  return (
    <button
      type="button"
      className={`btn ${isSmall ? "s" : ""}`}
      onClick={() => { copy(text).then(() => { setDone(true); }, sayProblem); }}
    >
      {isDone ? <Check {...SMALL} /> : <Copy {...SMALL} />}
      <span aria-live="polite">{isDone ? "Copied" : label}</span>
    </button>
  );
}

async function copy(text: string): Promise<void> {
  // Browsers have the clipboard only where the connection is safe.
  const clipboard = (navigator as Partial<Navigator>).clipboard;
  if (!clipboard) throw new Error("This browser copies only over HTTPS. Select the text and copy it.");
  await clipboard.writeText(text);
}
