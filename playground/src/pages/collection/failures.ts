/** Why documents failed, in words and as a table. */
import type { DocumentRowFragment } from "../../api/generated/graphql";
import { csv } from "../../text/csv";

export interface Failure {
  path: string;
  code: string;
  message: string;
  retryable: boolean;
}

export function failureOf({ uri, error }: Pick<DocumentRowFragment, "uri" | "error">): Failure {
  return {
    path: uri,
    code: error?.code ?? "UNKNOWN",
    message: error?.message ?? "No reason is known.",
    retryable: error?.retryable ?? true,
  };
}

export function byCode(failures: readonly Failure[]): { code: string; count: number; message: string }[] {
  const groups = new Map<string, { code: string; count: number; message: string }>();
  for (const { code, message } of failures) {
    const group = groups.get(code) ?? { code, count: 0, message };
    group.count += 1;
    groups.set(code, group);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

const WORDS: Record<string, string> = {
  CORRUPT_FILE: "damaged",
  EMPTY_FILE: "empty",
  FORMAT_MISMATCH: "not what the name says",
  INVALID_ENCODING: "in an unknown encoding",
  LIMIT_EXCEEDED: "too large",
  NO_TEXT: "without text",
  ORIGINAL_MISSING: "with a lost original",
  PASSWORD_PROTECTED: "with a password",
  READER_CRASHED: "crashed their reader",
  READER_MISSING: "without a reader on this server",
  SERVICE_FAILURE: "failed in the server",
  UNSUPPORTED_FORMAT: "in a format without a reader",
};

export function inWords(code: string): string {
  return WORDS[code] ?? code.toLowerCase().replaceAll("_", " ");
}

export function csvOf(failures: readonly Failure[]): string {
  const rows = failures.map(({ path, code, message, retryable }) => [path, code, message, retryable ? "yes" : "no"]);
  return csv([["path", "code", "message", "can be retried"], ...rows]);
}
