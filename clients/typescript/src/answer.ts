/** What comes back: the data of an answer, or an error that says what to do. */
import type { OperationResult } from "@urql/core";
import type { ProblemFragment } from "./generated/graphql.js";

/** The server refused an input. Nothing was changed. */
export class InputError extends Error {
  constructor(readonly problems: readonly ProblemFragment[]) {
    super(problems.map(({ code, message, path }) => `${code} at input.${path.join(".")}: ${message}`).join("\n"));
    this.name = "InputError";
  }
}

/** The data of an answer. Throws urql's `CombinedError` if it has none, or only a part. */
export function dataOf<Data>({ data, error }: Pick<OperationResult<Data>, "data" | "error">): Data {
  if (error) throw error;
  if (data === undefined) throw new Error("the server sent neither data nor errors");
  return data;
}

/** The payload of a mutation. Throws `InputError` if the server refused its input. */
export function payloadOf<Payload extends { userErrors: readonly ProblemFragment[] }>(payload: Payload | null): Payload {
  if (!payload) throw new Error("the mutation has no payload");
  if (payload.userErrors.length > 0) throw new InputError(payload.userErrors);
  return payload;
}

/** A value of a payload that is null only if validation fails. */
export function present<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error("the payload lacks what it promises");
  return value;
}
