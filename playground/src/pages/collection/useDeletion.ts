import { useState } from "react";
import { DeleteDocumentsDocument, DocumentCountsDocument, DocumentsDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { say, sayProblem } from "../../ui/toasts";
import { count } from "../../ui/words";

/** How long a deletion can be undone before it is sent, in milliseconds. */
const UNDO = 6_000;
/** Documents in one call. */
const AT_ONCE = 100;

/** Deletes documents after a while in which they are only hidden. */
export function useDeletion() {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());

  function show(ids: readonly string[]) {
    setHidden((before) => new Set([...before].filter((id) => !ids.includes(id))));
  }

  async function send(ids: readonly string[]) {
    try {
      for (let from = 0; from < ids.length; from += AT_ONCE) {
        await change(DeleteDocumentsDocument, { input: { ids: ids.slice(from, from + AT_ONCE) } });
      }
    } catch (error) {
      sayProblem(error);
      show(ids);
    }
    refresh(DocumentsDocument, DocumentCountsDocument);
  }

  return {
    hidden,
    remove(ids: readonly string[]) {
      setHidden((before) => new Set([...before, ...ids]));
      const timer = setTimeout(() => void send(ids), UNDO);
      say(`${count(ids.length, "document")} deleted`, {
        label: "Undo",
        run() {
          clearTimeout(timer);
          show(ids);
        },
      });
    },
  };
}
