/** What works in a server and what can be damaged in it, in words. */
import type { DamageKind, WorkerName, WorkerState } from "../../api/generated/graphql";

export const WORK: Record<WorkerName, string> = {
  AUDIT_RETENTION: "Removes old entries of the audit log",
  CLEAN_UP: "Removes what has expired",
  FILE_CHECK: "Looks for the files of all documents",
  INGESTION: "Indexes documents",
  INTEGRITY: "Compares vectors and jobs with the database",
  OPTIMISATION: "Builds indexes of vectors",
  ORIGINAL_CLEAN_UP: "Removes files that nothing needs",
  RECONCILE: "Keeps the vectors in step",
  REINDEX: "Fills new indexes",
  REMOVAL: "Removes what was deleted",
  SYNC: "Reads sources",
  SYNC_SCHEDULE: "Starts syncs that are due",
  WATCH: "Notices changes in directories",
};

export const STATE: Record<WorkerState, [string, string]> = {
  IDLE: ["Waits", ""],
  RESTARTING: ["Starts again", "w"],
  STOPPED: ["Ended", ""],
  STOPPING: ["Stops", ""],
  WORKING: ["Works", "g"],
};

export const DAMAGE: Record<DamageKind, string> = {
  EXPIRED_LEASE: "Jobs of workers that are gone",
  MISSING_ORIGINAL: "Lost originals",
  MISSING_TEXT: "Lost texts",
  MISSING_VECTORS: "Passages without a vector",
  ORPHAN_VECTORS: "Vectors without a passage",
  STUCK_OPERATION: "Operations that nothing works on",
  UNREFERENCED_ORIGINAL: "Files that nothing needs",
  WRONG_CHUNKS: "Documents with too many or too few passages",
  WRONG_DIGEST: "Files whose bytes have changed",
  WRONG_TOTALS: "Wrong counters",
};
