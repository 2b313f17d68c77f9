import type { DocumentPageQuery } from "../../api/generated/graphql";
import { Check, CircleAlert, SMALL, X } from "../../ui/Icon";
import { count } from "../../ui/words";
import { RetryButton } from "../collection/RetryButton";

type Document = NonNullable<DocumentPageQuery["document"]>;

const STAGES = [["STORE", "Store"], ["EXTRACT", "Read"], ["CHUNK", "Cut"], ["INDEX", "Embed and index"]] as const;

/** Why a document can't be searched, and at which step it stopped. */
export function FailureStory({ document }: { document: Document }) {
  const { error, collection, status } = document;
  if (!error) return null;
  const broken = STAGES.findIndex(([stage]) => stage === error.stage);

  return (
    <section className="card pad stack tight failure" aria-label="Why it failed">
      <p className="row why-failed"><CircleAlert size={20} aria-hidden /> <strong className="break">{error.message}</strong></p>
      <ol className="steps">
        {STAGES.map(([stage, words], index) => (
          <li key={stage} className={index === broken ? "broken" : index < broken ? "done" : ""}>
            {index < broken ? <Check {...SMALL} /> : index === broken ? <X {...SMALL} /> : <span className="dotless" />}
            {words}
            <span className="vh">{index < broken ? "done" : index === broken ? "failed" : "not reached"}</span>
          </li>
        ))}
      </ol>
      <div className="row wrap">
        <span className="muted small grow">{count(error.attempts, "attempt")}{status === "QUARANTINED" && ", then set aside because it crashed its reader"}</span>
        {collection.viewerCan.includes("DOCUMENT_INGEST") && <RetryButton of={{ ids: [document.id] }}>Try again</RetryButton>}
      </div>
    </section>
  );
}
