/** Documents that failed: all of them, their reasons, a list to take along, and a second attempt. */
import { DocumentsDocument, type DocumentRowFragment } from "../../api/generated/graphql";
import { ask, download } from "../../api/ask";
import { nameOf } from "../../upload/plan";
import type { JobFile } from "../../upload/job";

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

/** All documents of a collection that failed. */
export async function failedDocuments(id: string): Promise<DocumentRowFragment[]> {
  const found: DocumentRowFragment[] = [];
  let after: string | null = null;
  do {
    const filter = { status: ["FAILED", "QUARANTINED"] as ("FAILED" | "QUARANTINED")[] };
    const data: Awaited<ReturnType<typeof page>> = await page(id, filter, after);
    found.push(...(data?.nodes ?? []));
    after = data?.pageInfo.hasNextPage ? data.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

async function page(id: string, filter: { status: ("FAILED" | "QUARANTINED")[] }, after: string | null) {
  return (await ask(DocumentsDocument, { id, filter, orderBy: null, after })).collection?.documents;
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

/** A table that spreadsheets open; a value that they would take for a formula begins with an apostrophe. */
export function csvOf(failures: readonly Failure[]): string {
  const cell = (text: string) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const rows = failures.map(({ path, code, message, retryable }) => [path, code, message, retryable ? "yes" : "no"]);
  return [["path", "code", "message", "can be retried"], ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

export function saveCsv(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => { URL.revokeObjectURL(link.href); }, 10_000);
}

/** The originals of documents as files, to be sent again under the same address. */
export async function filesAgain(documents: readonly Pick<DocumentRowFragment, "uri" | "downloadUrl" | "contentType">[]): Promise<JobFile[]> {
  const files: JobFile[] = [];
  for (const { uri, downloadUrl, contentType } of documents) {
    if (!downloadUrl) continue;
    const blob = await download(downloadUrl);
    files.push({ path: uri, uri, file: new File([blob], nameOf(uri), { type: contentType }) });
  }
  return files;
}
