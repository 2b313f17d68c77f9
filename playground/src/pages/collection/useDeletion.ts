import { useState } from "react";
import { DeleteDocumentsDocument, DocumentCountsDocument, DocumentsDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh } from "../../app/queries";
import { say, sayProblem } from "../../ui/toasts";
import { count, number } from "../../ui/words";

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
    /** `returning`: how many of them their source brings back. */
    remove(ids: readonly string[], returning: number) {
      setHidden((before) => new Set([...before, ...ids]));
      const timer = setTimeout(() => void send(ids), UNDO);
      const comesBack = returning > 0 ? `. ${number(returning)} of them ${returning === 1 ? "comes" : "come"} back with the next sync of its source` : "";
      say(`${count(ids.length, "document")} deleted${comesBack}`, {
        label: "Undo",
        run() {
          clearTimeout(timer);
          show(ids);
        },
      });
    },
  };
}
