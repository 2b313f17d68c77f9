import { useState } from "react";
import type { DocumentPageQuery } from "../../api/generated/graphql";
import { useFrame } from "../../app/useFrame";
import { Check, CircleAlert, RotateCcw, SMALL, X } from "../../ui/Icon";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { addFiles } from "../../upload/jobs";
import { filesAgain } from "../collection/failedDocuments";

type Document = NonNullable<DocumentPageQuery["document"]>;

const STAGES = [["STORE", "Store"], ["EXTRACT", "Read"], ["CHUNK", "Cut"], ["INDEX", "Embed and index"]] as const;

/** Why a document can't be searched, and at which step it stopped. */
export function FailureStory({ document }: { document: Document }) {
  const { limits } = useFrame();
  const [isBusy, setBusy] = useState(false);
  const { error, collection, status } = document;
  if (!error) return null;
  const broken = STAGES.findIndex(([stage]) => stage === error.stage);

  async function again() {
    setBusy(true);
    try {
      const files = await filesAgain([document]);
      if (limits) addFiles(collection, files, limits);
    } finally {
      setBusy(false);
    }
  }

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
        {collection.viewerCan.includes("DOCUMENT_INGEST") && document.downloadUrl && (
          <button type="button" className="btn s" disabled={isBusy} onClick={() => { attempt(again(), "It is tried again."); }}><RotateCcw {...SMALL} /> Try again</button>
        )}
      </div>
    </section>
  );
}
