/** How far a watched operation is, learnt from the events that pass by. */
import type { OperationEventKind, WatchOperationSubscription } from "../graphql/generated/graphql";
import type { Partly } from "../graphql/partly";

/** The data of an event of `WatchOperation`, as far as it was asked for. */
export type WatchedEvent = Partly<WatchOperationSubscription> | null | undefined;

export interface Progress {
  percent: number;
  /** The last event in words. */
  text: string;
  outcome: "running" | "completed" | "failed" | "cancelled";
}

const WORDS: Record<OperationEventKind, (file: string) => string> = {
  OPERATION_CREATED: () => "Accepted",
  OPERATION_STARTED: () => "Started",
  DOCUMENT_STARTED: (file) => `Reading ${file}`,
  DOCUMENT_PROGRESS: (file) => `Working on ${file}`,
  DOCUMENT_COMPLETED: (file) => `${file} can be searched`,
  DOCUMENT_FAILED: (file) => `${file} could not be indexed`,
  DOCUMENT_SKIPPED: (file) => `${file} is unchanged and was skipped`,
  DOCUMENT_RETRYING: (file) => `${file} will be tried again`,
  DOCUMENT_CANCELLED: (file) => `${file} was left out`,
  DOCUMENT_DELETED: (file) => `${file} was deleted`,
  CANCEL_REQUESTED: () => "Stopping",
  OPERATION_COMPLETED: () => "Done",
  OPERATION_FAILED: () => "Failed",
  OPERATION_CANCELLED: () => "Cancelled",
};

const OUTCOMES: Partial<Record<OperationEventKind, Progress["outcome"]>> = {
  OPERATION_COMPLETED: "completed",
  OPERATION_FAILED: "failed",
  OPERATION_CANCELLED: "cancelled",
};

/** From the data of a subscription's event; nothing when it is not about an operation or lacks what a bar needs. */
export function progressOf(data: WatchedEvent): Progress | undefined {
  const event = data?.operationEvents;
  if (!event?.kind || typeof event.progress !== "number" || !(event.kind in WORDS)) return undefined;
  return {
    percent: event.progress,
    text: WORDS[event.kind](event.document?.fileName ?? "a document"),
    outcome: OUTCOMES[event.kind] ?? "running",
  };
}
