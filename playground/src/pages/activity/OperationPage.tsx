import { Link, getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useState } from "react";
import "./activity.css";
import { FollowDocument, OperationDocumentsDocument, OperationPageDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refresh, useAsk } from "../../app/queries";
import { hasEnded } from "../../live/fold";
import { useFollowed } from "../../live/follow";
import { StopOperationDocument } from "../../api/generated/graphql";
import { Code, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { OPERATION_WORDS, OperationBadge } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";
import { RetryButton } from "../collection/RetryButton";
import { EventLog } from "./EventLog";
import { OperationDocuments } from "./OperationDocuments";
import { OperationProgress } from "./OperationProgress";
import { took } from "./OperationTable";
import { queueWords } from "./queue";

const UseInCode = lazy(() => import("../../code/UseInCode"));
const route = getRouteApi("/activity/$operationId");

const TABS = [[undefined, "Documents"], ["failed", "Failed"], ["events", "Events"], ["config", "Settings"]] as const;

/** One operation, live: how far it is, what became of each document, what happened in order. */
export function OperationPage() {
  const { operationId: id } = route.useParams();
  const { show } = route.useSearch();
  const [isCodeOpen, setCodeOpen] = useState(false);
  // Its place in the queue and its expected end change with what others do, which is no event of its own.
  const { data, error, refetch } = useAsk(OperationPageDocument, { id }, {
    every: 2_000,
    until: ({ operation }) => !operation || hasEnded(operation.status),
  });
  const operation = data?.operation;
  const followed = useFollowed(operation && !hasEnded(operation.status) ? id : undefined);
  const live = followed?.status;

  useEffect(() => {
    if (live) refresh(OperationPageDocument, OperationDocumentsDocument);
  }, [live]);

  if (error) return <><Heading isHidden>Operation</Heading><Failed error={error} onRetry={() => void refetch()} /></>;
  if (!data) return <Loading />;
  if (!operation) return <><Heading isHidden>Operation</Heading><Failed error={new Error("There is no such operation, or you may not see it.")} /></>;
  const { type, collection, user, createdAt, errorMessage, viewerCan, config, queuePosition } = operation;
  const status = live ?? operation.status;
  const totals = followed?.totals ?? operation.totals;

  return (
    <>
      <div className="crumb"><Link to="/activity" search={{}}>Activity</Link> ›</div>
      <div className="head">
        <div className="grow">
          <Heading title={OPERATION_WORDS[type]}>{collection ? `${OPERATION_WORDS[type]}: ${collection.name}` : OPERATION_WORDS[type]}</Heading>
          <p className="row wrap muted small">
            <OperationBadge of={{ ...operation, status, totals }} />
            <span>by {user?.username ?? "the server"}</span>
            <span><Time at={createdAt} /></span>
            {took(operation) && <span>{hasEnded(status) ? "took" : "runs for"} {took(operation)}</span>}
            {collection ? <Link to="/collections/$id/documents" params={{ id: collection.id }} search={{}}>Open the collection</Link> : <span>The collection is gone</span>}
          </p>
        </div>
        <button type="button" className="btn" onClick={() => { setCodeOpen(true); }}><Code {...SMALL} /> Use in code</button>
        {viewerCan.includes("OPERATION_CANCEL") && !hasEnded(status) && (
          <button type="button" className="btn danger" onClick={() => { attempt(change(StopOperationDocument, { id }).then(() => { refresh(OperationPageDocument); }), "Stopping. What is searchable stays."); }}>Stop</button>
        )}
      </div>
      <section className="card pad stack tight" aria-label="Progress">
        <OperationProgress operation={operation} />
        {errorMessage && <p className="bad">{errorMessage}</p>}
        {operation.waitsForSpace && <p className="warn">Documents wait for space: the server’s disk is nearly full. They continue when there is space again.</p>}
        {status === "PENDING" && <p className="muted">It waits until a worker is free{queuePosition !== null && `. ${queueWords(queuePosition)}`}.</p>}
        {hasEnded(status) && totals.cancelled > 0 && collection?.viewerCan.includes("DOCUMENT_INGEST") && (
          <div><RetryButton of={{ operationId: id }}>Add what was left out</RetryButton></div>
        )}
      </section>
      <nav className="tabs operation-tabs" aria-label="Operation">
        {TABS.map(([tab, words]) => (
          <Link
            key={words}
            to="/activity/$operationId"
            params={{ operationId: id }}
            search={{ show: tab }}
            replace
            resetScroll={false}
            activeOptions={{ explicitUndefined: true }}
          >
            {words}{tab === "failed" && totals.failed > 0 && ` ${totals.failed}`}
          </Link>
        ))}
      </nav>
      {show === "events" ? (
        <EventLog operationId={id} />
      ) : show === "config" ? (
        <pre tabIndex={0} aria-label="Settings of the operation">{JSON.stringify(config, null, 2)}</pre>
      ) : (
        <OperationDocuments key={show} operation={operation} onlyFailed={show === "failed"} isLive={!hasEnded(status)} />
      )}
      <Suspense>
        {isCodeOpen && <UseInCode title="Follow this operation in code" document={FollowDocument} variables={{ operationId: id }} collection={collection?.id} onClose={() => { setCodeOpen(false); }} />}
      </Suspense>
    </>
  );
}
