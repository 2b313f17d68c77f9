import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleAlert, Download, SMALL } from "../../ui/Icon";
import { saveCsv } from "../../ui/save";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { failedDocuments } from "./failedDocuments";
import { byCode, csvOf, failureOf, inWords } from "./failures";
import { RetryButton } from "./RetryButton";

interface FailedBarProps {
  collection: { id: string; name: string };
  count: number;
  /** Whether the table below shows the failed ones already. */
  isFiltered: boolean;
  mayAdd: boolean;
}

/** How many documents failed and why, and what can be done about it. */
export function FailedBar({ collection, count: failed, isFiltered, mayAdd }: FailedBarProps) {
  const { data = [] } = useQuery({ queryKey: ["Documents", "failed", collection.id, failed], queryFn: () => failedDocuments(collection.id) });
  const groups = byCode(data.map(failureOf));

  return (
    <div className="note warn failed-bar" role="group" aria-label="Failed documents">
      <CircleAlert {...SMALL} />
      <p className="grow">
        <strong>{count(failed, "document")} failed</strong>
        {groups.length > 0 && `: ${groups.map(({ code, count }) => `${count} ${inWords(code)}`).join(", ")}`}.
      </p>
      {!isFiltered && (
        <Link from="/collections/$id/documents" to="/collections/$id/documents" params={{ id: collection.id }} search={(before) => ({ ...before, status: "failed" })} className="btn s">See why</Link>
      )}
      {mayAdd && <RetryButton of={{ collectionId: collection.id }}>Try the failed again</RetryButton>}
      <button type="button" className="btn s" onClick={() => { attempt(failedDocuments(collection.id).then((all) => { saveCsv(`${collection.name} failures.csv`, csvOf(all.map(failureOf))); })); }}>
        <Download {...SMALL} /> CSV
      </button>
    </div>
  );
}
