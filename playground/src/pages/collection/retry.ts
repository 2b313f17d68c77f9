/** Trying again what could not be indexed, with the files that the server has. */
import { useState } from "react";
import { type DocumentsRetryInput, RetryDocumentsDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll } from "../../app/queries";
import { attempt, say } from "../../ui/toasts";
import { count } from "../../ui/words";
import { repeat } from "./repeat";

/** Documents that can be named in one call. */
const AT_ONCE = 100;

function retryAll(input: DocumentsRetryInput): Promise<number> {
  return repeat(async () => {
    const { operation, hasMore } = await change(RetryDocumentsDocument, { input });
    return { done: operation?.totals.documents ?? 0, hasMore };
  });
}

/** How many documents are tried again. */
async function retry(input: DocumentsRetryInput): Promise<number> {
  if (!input.ids) return retryAll(input);
  let tried = 0;
  for (let from = 0; from < input.ids.length; from += AT_ONCE) {
    tried += await retryAll({ ids: input.ids.slice(from, from + AT_ONCE) });
  }
  return tried;
}

/** What a button for another attempt does, and whether it is at it. */
export function useRetry() {
  const [isBusy, setBusy] = useState(false);
  return {
    isBusy,
    run(input: DocumentsRetryInput) {
      setBusy(true);
      const trying = retry(input)
        .then((tried) => { say(`${count(tried, "document is", "documents are")} tried again`); })
        .finally(() => {
          setBusy(false);
          refreshAll();
        });
      attempt(trying);
    },
  };
}
