import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

/** The keys that work on every page. Those without Ctrl do nothing while someone writes. */
export function useHotkeys(actions: { palette: () => void; keys: () => void }): void {
  const navigate = useNavigate();
  const latest = useRef(actions);
  useEffect(() => { latest.current = actions; });

  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.palette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (event.key === "?") latest.current.keys();
      if (event.key === "/") {
        event.preventDefault();
        const box = searchBox();
        if (box) box.focus();
        else void navigate({ to: "/search", search: {} }).then(() => { setTimeout(() => searchBox()?.focus(), 50); });
      }
    }
    addEventListener("keydown", onKeyDown);
    return () => { removeEventListener("keydown", onKeyDown); };
  }, [navigate]);
}

function searchBox(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("#question");
}

export function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}
