import { useEffect, useRef } from "react";
import { CollectionOperationsDocument, DocumentCountsDocument, DocumentsDocument, type OperationRowFragment } from "../../api/generated/graphql";
import { refresh, useAsk } from "../../app/queries";
import { doneOf } from "../../live/fold";
import { useFollowedAll } from "../../live/follow";
import type { RunningJob } from "../../upload/jobs";
import { useCollection } from "./context";

/** The table is read again at most this often while documents change, in milliseconds. */
const PAUSE = 1_200;

/** Keeps the table up to date while operations run. Returns those that run and belong to no job of this window. */
export function useLiveDocuments(id: string, mine: RunningJob[]): OperationRowFragment[] {
  const { viewerCan, refetch } = useCollection();
  const { data } = useAsk(CollectionOperationsDocument, { id, first: 10 }, { enabled: viewerCan.includes("OPERATION_READ"), every: 3_000 });
  const running = (data?.collection?.operations.nodes ?? []).filter(({ status }) => status === "PENDING" || status === "PROCESSING");
  const own = mine.flatMap(({ state }) => state.get().operationIds);
  const followed = useFollowedAll([...own, ...running.map((operation) => operation.id).filter((other) => !own.includes(other))]);
  // An operation may begin and end between two looks, and its job may be closed before.
  const known = (data?.collection?.operations.nodes ?? []).map((operation) => `${operation.id}${operation.status}`);
  const done = followed.map((operation) => (operation ? `${doneOf(operation.totals) + operation.totals.failed}${operation.status}` : ""));
  const state = [...known, ...done].join(" ");
  const isKnown = data !== undefined || !viewerCan.includes("OPERATION_READ");

  const last = useRef(0);
  const seen = useRef<string>(undefined);
  useEffect(() => {
    if (!isKnown || state === seen.current) return;
    const isFirst = seen.current === undefined;
    seen.current = state;
    if (isFirst) return;
    const wait = Math.max(last.current + PAUSE - Date.now(), 60);
    const timer = setTimeout(() => {
      last.current = Date.now();
      refresh(DocumentsDocument, DocumentCountsDocument, CollectionOperationsDocument);
      refetch();
    }, wait);
    return () => { clearTimeout(timer); };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `refetch` is new at every paint
  }, [state, isKnown]);

  return running.filter((operation) => !own.includes(operation.id));
}
