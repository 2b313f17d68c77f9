/** The progress of a followed operation, taken from its events. */
import type { OperationEventKind, WatchOperationSubscription } from "../../api/generated/graphql";
import type { Partly } from "../partly";

/** The data of an event of `WatchOperation`, as far as it was selected. */
export type WatchedEvent = Partly<WatchOperationSubscription> | null | undefined;

type EventFields = Partly<WatchOperationSubscription["operationEvents"]>;
type Totals = WatchOperationSubscription["operationEvents"]["operation"]["totals"];

export interface Progress {
  percent: number;
  /** What happened last, or how it ended, in words. */
  text: string;
  outcome: "running" | "waiting" | "completed" | "incomplete" | "failed" | "cancelled";
  /** How many documents have failed, as far as is known. */
  failed: number;
  /** Absent if it was not selected. */
  operationId?: string;
}

const WORDS: Record<OperationEventKind, (file: string) => string> = {
  OPERATION_CREATED: () => "Accepted",
  OPERATION_STARTED: () => "Started",
  DOCUMENT_STARTED: (file) => `Reading ${file}`,
  DOCUMENT_PROGRESS: (file) => `Working on ${file}`,
  DOCUMENT_COMPLETED: (file) => `${file} can be searched`,
  DOCUMENT_FAILED: (file) => `${file} could not be indexed`,
  DOCUMENT_SKIPPED: (file) => `${file} is unchanged and was skipped`,
  DOCUMENT_RETRYING: (file) => `${file} will be retried`,
  DOCUMENT_CANCELLED: (file) => `${file} was left out`,
  DOCUMENT_DELETED: (file) => `${file} was deleted`,
  CANCEL_REQUESTED: () => "Stopping",
  OPERATION_COMPLETED: () => "Done",
  OPERATION_FAILED: () => "Failed",
  OPERATION_CANCELLED: () => "Cancelled",
};

/** From the data of a subscription's event; nothing when it is not about an operation or lacks what a bar needs. */
export function progressOf(data: WatchedEvent): Progress | undefined {
  const event = data?.operationEvents;
  if (!isTold(event) || typeof event.progress !== "number") return undefined;
  const percent = event.progress;
  const totals = event.operation?.totals ?? {};
  const failed = totals.failed ?? 0;
  const known = { percent, failed, ...(event.operation?.id && { operationId: event.operation.id }) };

  switch (event.kind) {
    case "OPERATION_COMPLETED":
      return { ...known, ...completed(totals) };
    case "OPERATION_FAILED":
      return { ...known, outcome: "failed", text: totals.failed ? `${failures(totals)}. ${WHAT_TO_DO}` : story(event) };
    case "OPERATION_CANCELLED":
      return { ...known, outcome: "cancelled", text: cancelled(totals) };
    default: {
      const waits = event.operation?.waitsForSpace;
      const text = waits ? WAITS_FOR_SPACE : story(event);
      return { ...known, outcome: waits ? "waiting" : "running", text: failed ? `${text} (${failures(totals)})` : text };
    }
  }
}

/** Whether nothing more will happen to the operation. */
export function hasEnded({ outcome }: Progress): boolean {
  return outcome !== "running" && outcome !== "waiting";
}

const WAITS_FOR_SPACE =
  "Documents wait for space: the server's disk is nearly full. They continue automatically when there is space again.";
const WHAT_TO_DO = "Check the reason, then ingest the failed documents again.";

function completed(totals: Partly<Totals>): Pick<Progress, "outcome" | "text"> {
  if (totals.failed) return { outcome: "incomplete", text: `${failures(totals)}, the others completed. ${WHAT_TO_DO}` };
  // Without the count a success can't be known, so none is claimed.
  if (typeof totals.failed !== "number") {
    return { outcome: "incomplete", text: "Ended. Select operation { totals { failed } } to see whether documents failed." };
  }
  const unchanged = totals.skipped ? `, ${totals.skipped} of ${totals.documents ?? "the"} documents unchanged` : "";
  return { outcome: "completed", text: `Done${unchanged}` };
}

function cancelled(totals: Partly<Totals>): string {
  const parts = [
    typeof totals.completed === "number" && `${totals.completed} of ${documents(totals)} done`,
    totals.failed && `${totals.failed} failed`,
    totals.cancelled && `${totals.cancelled} left out`,
  ].filter(Boolean);
  return parts.length > 0 ? `Cancelled: ${parts.join(", ")}` : WORDS.OPERATION_CANCELLED("");
}

function failures(totals: Partly<Totals>): string {
  if (totals.documents === 1) return "The document failed";
  if (totals.documents === totals.failed) return `All ${documents(totals)} failed`;
  return `${totals.failed ?? 0} of ${documents(totals)} failed`;
}

function documents({ documents }: Partly<Totals>): string {
  return typeof documents === "number" ? `${documents} ${documents === 1 ? "document" : "documents"}` : "the documents";
}

/** Whether it names a known kind of event. */
function isTold(event: EventFields | null | undefined): event is EventFields & { kind: OperationEventKind } {
  return typeof event?.kind === "string" && event.kind in WORDS;
}

/** The text of an event, with the server's message: why a document failed, and until when another waits. */
function story(event: EventFields & { kind: OperationEventKind }): string {
  const words = WORDS[event.kind](event.document?.fileName ?? "a document");
  return event.message ? `${words}: ${event.message}` : words;
}
