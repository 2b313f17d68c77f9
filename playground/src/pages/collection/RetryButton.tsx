import type { DocumentsRetryInput } from "../../api/generated/graphql";
import { RotateCcw, SMALL } from "../../ui/Icon";
import { useRetry } from "./retry";

interface RetryButtonProps {
  /** Which documents. */
  of: DocumentsRetryInput;
  children: string;
  onDone?: () => void;
}

export function RetryButton({ of, children, onDone }: RetryButtonProps) {
  const { isBusy, run } = useRetry();
  return (
    <button type="button" className="btn s" disabled={isBusy} onClick={() => { run(of); onDone?.(); }}>
      <RotateCcw {...SMALL} /> {children}
    </button>
  );
}
