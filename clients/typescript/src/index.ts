/**
 * A client of Docent's public API. The caller can bring operations of their own; those of this package are in
 * `operations`.
 */
export { InputError, dataOf, payloadOf, present } from "./answer.js";
export { Docent, type File, type OperationEvent, type Options, type SearchHit, isLast } from "./docent.js";
export type { Credential } from "./session.js";
export * from "./generated/graphql.js";
