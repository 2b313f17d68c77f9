import { type ReactNode, useEffect, useState } from "react";
import { complaintsOf } from "./useWork";
import { CircleAlert, LARGE } from "./Icon";

export function Empty({ icon, title, children }: { icon?: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div className="empty" role="alert">
      <CircleAlert {...LARGE} />
      <h2>This could not be loaded</h2>
      {complaintsOf(error).map(({ message }) => <p key={message}>{message}</p>)}
      {onRetry && <button type="button" className="btn" onClick={onRetry}>Try again</button>}
    </div>
  );
}

/** Grey rows, which appear only if the wait is long enough to be noticed. */
export function Loading({ rows = 8 }: { rows?: number }) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => { setLate(true); }, 150);
    return () => { clearTimeout(timer); };
  }, []);
  return (
    <div className="stack tight pad" role="status">
      <span className="vh">Loading</span>
      {isLate && Array.from({ length: rows }, (_, index) => <Row key={index} />)}
    </div>
  );
}

function Row() {
  return <div className="skeleton row-skeleton" />;
}
