import type { Action } from "../../api/generated/graphql";

/** What an action is, in a word or two. */
export const ACTION_WORDS: Record<Action, string> = {
  ACCOUNT_MANAGE: "manage the account",
  AUDIT_READ: "read the audit log",
  COLLECTION_CREATE: "create collections",
  COLLECTION_DELETE: "delete collections",
  COLLECTION_LEAVE: "leave collections",
  COLLECTION_READ: "search and read",
  COLLECTION_UPDATE: "change collections",
  DOCUMENT_DELETE: "delete documents",
  DOCUMENT_INGEST: "add documents",
  MEMBER_MANAGE: "share collections",
  MEMBER_READ: "list members",
  OPERATION_CANCEL: "stop operations",
  OPERATION_READ: "follow operations",
  SERVER_MANAGE: "administer the server",
};

/** What a key may be allowed. */
export const OF_KEYS: Action[] = [
  "COLLECTION_READ",
  "DOCUMENT_INGEST",
  "DOCUMENT_DELETE",
  "OPERATION_READ",
  "OPERATION_CANCEL",
  "COLLECTION_CREATE",
  "COLLECTION_UPDATE",
  "COLLECTION_DELETE",
  "MEMBER_READ",
  "MEMBER_MANAGE",
  "AUDIT_READ",
];

export interface Purpose {
  id: string;
  name: string;
  about: string;
  actions: Action[];
}

export const PURPOSES: Purpose[] = [
  { id: "search", name: "Search box", about: "Searches and shows what it finds.", actions: ["COLLECTION_READ"] },
  { id: "ingest", name: "Ingest job", about: "Adds and replaces documents, and follows their indexing.", actions: ["DOCUMENT_INGEST", "OPERATION_READ", "COLLECTION_READ"] },
  { id: "dashboard", name: "Read-only dashboard", about: "Reads collections, members, operations.", actions: ["COLLECTION_READ", "OPERATION_READ", "MEMBER_READ"] },
  { id: "custom", name: "Something else", about: "You choose what it may do.", actions: [] },
];
