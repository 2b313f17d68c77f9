import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { OperationEventsDocument, type OperationEventKind, type OperationEventsQuery } from "../../api/generated/graphql";
import { usePages } from "../../app/queries";
import { follow } from "../../live/follow";
import { CopyButton } from "../../ui/CopyButton";
import { Failed, Loading } from "../../ui/States";
import { absolute, count } from "../../ui/words";

type Event = Pick<NonNullable<OperationEventsQuery["operation"]>["events"]["nodes"][number], "sequence" | "kind" | "at" | "message" | "document">;

const WORDS: Record<OperationEventKind, string> = {
  OPERATION_CREATED: "Accepted",
  OPERATION_STARTED: "Started",
  OPERATION_COMPLETED: "Done",
  OPERATION_FAILED: "Failed",
  OPERATION_CANCELLED: "Stopped",
  CANCEL_REQUESTED: "Stop requested",
  DOCUMENT_STARTED: "Document started",
  DOCUMENT_PROGRESS: "Document goes on",
  DOCUMENT_COMPLETED: "Document searchable",
  DOCUMENT_FAILED: "Document failed",
  DOCUMENT_SKIPPED: "Document unchanged",
  DOCUMENT_RETRYING: "Document tried again",
  DOCUMENT_CANCELLED: "Document left out",
  DOCUMENT_DELETED: "Document deleted",
};
const KINDS = Object.keys(WORDS) as OperationEventKind[];

/** Everything that happened, in order. New events come by themselves. */
export function EventLog({ operationId }: { operationId: string }) {
  const [kind, setKind] = useState<OperationEventKind | "">("");
  const pages = usePages(OperationEventsDocument, (after) => ({ id: operationId, after }), {
    pageInfo: (data) => data.operation?.events.pageInfo,
  });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const stored = useMemo(() => pages.data?.pages.flatMap(({ operation }) => operation?.events.nodes ?? []) ?? [], [pages.data]);
  const live = useLiveEvents(operationId);
  const events = useMemo(() => {
    const seen = stored.at(-1)?.sequence ?? 0;
    const all: Event[] = hasNextPage ? stored : [...stored, ...live.filter(({ sequence }) => sequence > seen)];
    return kind ? all.filter((event) => event.kind === kind) : all;
  }, [stored, live, kind, hasNextPage]);

  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: events.length, getScrollElement: () => box.current, estimateSize: () => 34, overscan: 20 });
  const items = rows.getVirtualItems();
  const end = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && end >= events.length - 30) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, end, events.length]);

  if (pages.error) return <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>;
  if (pages.isPending) return <div className="card"><Loading /></div>;
  return (
    <>
      <div className="bar">
        <select className="input s" aria-label="Kind of event" value={kind} onChange={({ target }) => { setKind(KINDS.find((name) => name === target.value) ?? ""); }}>
          <option value="">All events</option>
          {KINDS.map((name) => <option key={name} value={name}>{WORDS[name]}</option>)}
        </select>
        <span className="muted num">{count(events.length, "event")}{hasNextPage && "+"}</span>
        <span className="grow" />
        <CopyButton text={events.map(lineOf).join("\n")} label="Copy the log" />
      </div>
      <div ref={box} className="card events" tabIndex={0} role="region" aria-label="Events">
        <div className="rows-space" style={{ height: rows.getTotalSize() }}>
          {items.map((item) => {
            const event = events[item.index];
            return event && (
              <div key={item.key} ref={rows.measureElement} data-index={item.index} className="event" style={{ transform: `translateY(${item.start}px)` }}>
                <time className="faint num" dateTime={event.at} title={absolute(event.at)}>{timeOf(event.at)}</time>
                <span className={event.kind === "DOCUMENT_FAILED" ? "bad" : ""}>{WORDS[event.kind]}</span>
                <span className="break">{event.document?.fileName} <span className="muted">{event.message}</span></span>
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

/** New events, painted at most four times a second. */
function useLiveEvents(operationId: string): Event[] {
  const [events, setEvents] = useState<Event[]>([]);
  useEffect(() => {
    let fresh: Event[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = follow(operationId, (event) => {
      fresh.push(event);
      timer ??= setTimeout(() => {
        timer = undefined;
        const arrived = fresh;
        fresh = [];
        setEvents((before) => [...before, ...arrived]);
      }, 250);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [operationId]);
  return events;
}

function timeOf(at: string): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

function lineOf({ at, kind, document, message }: Event): string {
  return [at, kind, document?.fileName, message].filter(Boolean).join("\t");
}
