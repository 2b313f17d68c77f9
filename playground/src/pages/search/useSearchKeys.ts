import { type RefObject, useEffect, useRef } from "react";
import { isWriting } from "../../app/useHotkeys";

interface Keys {
  list: RefObject<HTMLOListElement | null>;
  selected: string | undefined;
  neighbours: (which: "previous" | "next") => void;
}

/** ↑ and ↓ move through the hits, Enter shows one, `o` opens it, `n` and `p` unfold its neighbours, Esc goes back. */
export function useSearchKeys(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => { latest.current = keys; });

  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const { list, neighbours } = latest.current;
      const links = Array.from(list.current?.querySelectorAll<HTMLElement>("[data-hit]") ?? []);
      const index = links.findIndex((link) => link === document.activeElement);
      switch (event.key) {
        case "ArrowDown":
        case "ArrowUp": {
          if (links.length === 0) return;
          event.preventDefault();
          const next = index < 0 ? 0 : index + (event.key === "ArrowDown" ? 1 : -1);
          if (next < 0) document.getElementById("question")?.focus();
          else links[Math.min(next, links.length - 1)]?.focus();
          return;
        }
        case "Escape":
          document.getElementById("question")?.focus();
          return;
        case "n":
          neighbours("next");
          return;
        case "p":
          neighbours("previous");
          return;
        case "o":
          document.querySelector<HTMLElement>(".panel a[href*='/documents/']")?.click();
          return;
      }
    }
    addEventListener("keydown", onKeyDown);
    return () => { removeEventListener("keydown", onKeyDown); };
  }, []);
}
