/** The documents of a collection that failed, and their originals for another attempt. */
import { DocumentsDocument, type DocumentRowFragment } from "../../api/generated/graphql";
import { ask, download } from "../../api/ask";
import type { JobFile } from "../../upload/job";
import { nameOf } from "../../upload/plan";

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
