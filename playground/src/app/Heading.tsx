import { useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

let visited = "";

/** The page's first heading, which also names the page, and takes the focus when a link led here. */
export function Heading({ children, isHidden = false, title }: { children: string; isHidden?: boolean; title?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const path = useLocation({ select: ({ pathname }) => pathname });
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
