/** Documents by what can be done with them, as the address and the forms call it. */
import type { DocumentStatus } from "../../api/generated/graphql";

export type StatusName = "searchable" | "working" | "failed";

export const STATUS: Record<StatusName, DocumentStatus[]> = {
  searchable: ["COMPLETED"],
  working: ["PENDING", "PROCESSING"],
  failed: ["FAILED", "QUARANTINED"],
};

export const STATUS_NAMES: readonly [StatusName, string][] = [["searchable", "Searchable"], ["working", "Working"], ["failed", "Failed"]];
