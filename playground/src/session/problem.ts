/** What went wrong, in words for people. */
import type { AnswerError } from "../api/http";

export interface Complaint {
  message: string;
  /** The input field that it is about, if there is one; for an entry of a list, the list. */
  field?: string;
  /** The whole path of the field. */
  path?: string[];
  /** Why it was rejected, for programs. */
  code?: string;
}

/** Codes of errors after which the same request can succeed. */
const PASSING = new Set<unknown>(["RATE_LIMITED", "TIMEOUT", "UNAVAILABLE", "INTERNAL_SERVER_ERROR"]);

/** The server understood the request and rejected it. */
export class Problem extends Error {
  constructor(
    readonly complaints: Complaint[],
    /** Whether the same request may succeed later. */
    readonly isPassing = false,
    /** The first error's code, if the whole request was rejected. */
    readonly code?: string,
    /** How long to wait, if the server said so, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(complaints.map((complaint) => complaint.message).join(" "));
  }
}

/** From the `userErrors` of a payload; nothing when there are none. */
export function problemOfUser(userErrors: { message: string; path: string[]; code?: string }[]): Problem | undefined {
  if (userErrors.length === 0) return undefined;
  return new Problem(userErrors.map(({ message, path, code }) => ({ message, field: path.findLast((part) => !isPlace(part)), path, code })));
}

/** Whether a part of a path is a place in a list, and not the name of a field. */
function isPlace(part: string): boolean {
  return /^\d+$/.test(part);
}

/** The place in its list of what a complaint is about, from 1. */
export function placeOf({ path }: Complaint): number | undefined {
  const last = path?.at(-1);
  return last !== undefined && isPlace(last) ? Number(last) + 1 : undefined;
}

/** From the top-level `errors` of a response. */
export function problemOfRequest(errors: AnswerError[] = []): Problem {
  if (errors.length === 0) return new Problem([{ message: "The server sent an empty response." }]);
  const first = errors[0]?.extensions ?? {};
  return new Problem(
    errors.map((error) => ({ message: inWords(error) })),
    errors.some(({ extensions }) => PASSING.has(extensions?.code)),
    typeof first.code === "string" ? first.code : undefined,
    typeof first.retryAfterMs === "number" ? first.retryAfterMs : undefined,
  );
}

function inWords({ message, extensions = {} }: AnswerError): string {
  switch (extensions.code) {
    case "RATE_LIMITED": {
      const seconds = Math.ceil(Number(extensions.retryAfterMs) / 1000);
      if (!(seconds > 0)) return message;
      return `Too many requests. Try again in ${seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`}.`;
    }
    case "TIMEOUT":
    case "UNAVAILABLE":
      return "The server is too busy to answer. Try again in a moment.";
    case "INTERNAL_SERVER_ERROR":
      return typeof extensions.requestId === "string"
        ? `Something went wrong in the server. See request ${extensions.requestId} in its log.`
        : "Something went wrong in the server. See its log.";
    default:
      return message;
  }
}
