import { Link } from "@tanstack/react-router";
import { type DocumentOutcome, OperationDocumentsDocument, type OperationDocumentsQuery, type OperationRowFragment } from "../../api/generated/graphql";
import { ask } from "../../api/ask";
import { usePages } from "../../app/queries";
import { Download, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { OutcomeBadge, deletes } from "../../ui/Status";
import { saveCsv } from "../../ui/save";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { type Failure, byCode, csvOf, inWords } from "../collection/failures";
import { RetryButton } from "../collection/RetryButton";

type Row = NonNullable<OperationDocumentsQuery["operation"]>["documents"]["nodes"][number];
const FAILED: DocumentOutcome[] = ["FAILED"];

interface OperationDocumentsProps {
  operation: OperationRowFragment;
  onlyFailed: boolean;
  isLive: boolean;
}

/** What became of each document; of those that failed, why. */
export function OperationDocuments({ operation, onlyFailed, isLive }: OperationDocumentsProps) {
  const variables = (after: string | null) => ({ id: operation.id, outcomes: onlyFailed ? FAILED : null, after });
  const pages = usePages(OperationDocumentsDocument, variables, {
    pageInfo: (data) => data.operation?.documents.pageInfo,
    every: isLive ? 2_000 : false,
  });
  const rows = pages.data?.pages.flatMap(({ operation }) => operation?.documents.nodes ?? []) ?? [];
  if (pages.error) return <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>;
  if (pages.isPending) return <div className="card"><Loading /></div>;
  if (rows.length === 0) {
    return <p className="card pad muted">{onlyFailed ? "No document failed." : "The documents of this operation were deleted."}</p>;
  }
  return (
    <div className="stack">
      {onlyFailed && <Reasons operation={operation} rows={rows} />}
      <div className="card table">
        <table className="stacks">
          <thead><tr><th>Name</th><th>Outcome</th><th>Detail</th></tr></thead>
          <tbody>
            {rows.map(({ index, outcome, document, error, chunkCount }) => (
              <tr key={index}>
                <td className="path">
                  {document ? (
                    <Link to="/collections/$id/documents/$documentId" params={{ id: document.collection.id, documentId: document.id }} search={{}} className="break">{document.uri}</Link>
                  ) : (
                    <span className="faint">deleted</span>
                  )}
                </td>
                <td><OutcomeBadge outcome={outcome} isDelete={deletes(operation.type)} /></td>
                <td className="muted break whole">{error?.message ?? (outcome === "COMPLETED" && !deletes(operation.type) ? count(chunkCount, "passage") : "")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages.hasNextPage && <p><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
    </div>
  );
}

function Reasons({ operation, rows }: { operation: OperationRowFragment; rows: Row[] }) {
  return (
    <section className="card pad stack tight" aria-label="Reasons">
      <ul className="reasons">
        {byCode(rows.map(failureOf)).map(({ code, count, message }) => (
          <li key={code}><strong>{count} × {inWords(code)}</strong> <span className="muted">{message}</span></li>
        ))}
      </ul>
      <div className="row wrap">
        {operation.collection?.viewerCan.includes("DOCUMENT_INGEST") && <RetryButton of={{ operationId: operation.id }}>Try the failed again</RetryButton>}
        <button type="button" className="btn s" onClick={() => { attempt(allFailed(operation.id).then((all) => { saveCsv("failures.csv", csvOf(all.map(failureOf))); })); }}>
          <Download {...SMALL} /> CSV
        </button>
      </div>
    </section>
  );
}

function failureOf({ document, error }: Row): Failure {
  return {
    path: document?.uri ?? "",
    code: error?.code ?? "UNKNOWN",
    message: error?.message ?? "No reason is known.",
    retryable: error?.retryable ?? true,
  };
}

async function allFailed(id: string): Promise<Row[]> {
  const found: Row[] = [];
  let after: string | null = null;
  do {
    const data: OperationDocumentsQuery = await ask(OperationDocumentsDocument, { id, outcomes: FAILED, after });
    const documents = data.operation?.documents;
    found.push(...(documents?.nodes ?? []));
    after = documents?.pageInfo.hasNextPage ? documents.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}
