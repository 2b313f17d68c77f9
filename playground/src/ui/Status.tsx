import type { DocumentOutcome, DocumentStatus, OperationStatus, OperationType, TotalsFragment } from "../api/generated/graphql";

/** One word for one thing, on every page. */
const DOCUMENT: Record<DocumentStatus, [string, string]> = {
  COMPLETED: ["Searchable", "g"],
  FAILED: ["Failed", "b"],
  QUARANTINED: ["Set aside", "b"],
  PENDING: ["Waiting", ""],
  PROCESSING: ["Working", "a"],
};

const OUTCOME: Record<DocumentOutcome, [string, string]> = {
  COMPLETED: ["Searchable", "g"],
  FAILED: ["Failed", "b"],
  SKIPPED: ["Unchanged", ""],
  CANCELLED: ["Left out", ""],
  PENDING: ["Waiting", ""],
  PROCESSING: ["Working", "a"],
};

export function DocumentBadge({ status }: { status: DocumentStatus }) {
  const [words, tone] = DOCUMENT[status];
  return <span className={`badge ${tone}`}>{words}</span>;
}

export function OutcomeBadge({ outcome, isDelete = false }: { outcome: DocumentOutcome; isDelete?: boolean }) {
  const [words, tone] = OUTCOME[outcome];
  return <span className={`badge ${tone}`}>{isDelete && outcome === "COMPLETED" ? "Deleted" : words}</span>;
}

export interface OperationState {
  status: OperationStatus;
  waitsForSpace: boolean;
  totals: Pick<TotalsFragment, "failed" | "documents">;
}

/** Amber, not green, when some of its documents failed. */
export function OperationBadge({ of: { status, waitsForSpace, totals } }: { of: OperationState }) {
  if (status === "PROCESSING" && waitsForSpace) return <span className="badge w">Waits for space</span>;
  switch (status) {
    case "PENDING": return <span className="badge">Waiting</span>;
    case "PROCESSING": return <span className="badge a"><span className="live" /> Running</span>;
    case "CANCELLED": return <span className="badge">Stopped</span>;
    case "FAILED": return <span className="badge b">Failed</span>;
    case "COMPLETED":
      return totals.failed > 0
        ? <span className="badge w">Done, {totals.failed} failed</span>
        : <span className="badge g">Done</span>;
  }
}

/** Whether its documents go, and what is done is not searchable any longer. */
export function deletes(type: OperationType): boolean {
  return type === "DELETE" || type === "REMOVE_SOURCE";
}

export const OPERATION_WORDS: Record<OperationType, string> = {
  INDEX: "Adding documents",
  APPEND: "Adding documents",
  DELETE: "Deleting",
  REINDEX: "Reindexing",
  REMOVE_SOURCE: "Removing a source",
};
