import { useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

let visited = "";

/** The page's first heading, which also names the page, and takes the focus when a link led here. */
export function Heading({ children, isHidden = false, title }: { children: string; isHidden?: boolean; title?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The page before is there until the next one is loaded, and must not take the focus for it.
  const path = useRouterState({ select: ({ resolvedLocation, location }) => (resolvedLocation ?? location).pathname });
  const name = title ?? children;

  useEffect(() => { document.title = `${name} · Docent`; }, [name]);
  useEffect(() => {
    const isFirst = visited === "";
    const isNew = visited !== path;
    visited = path;
    if (isNew && !isFirst) heading.current?.focus({ preventScroll: true });
  }, [path]);

  return <h1 ref={heading} tabIndex={-1} className={isHidden ? "vh" : undefined}>{children}</h1>;
}
