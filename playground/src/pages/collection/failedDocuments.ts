/** The documents of a collection that failed. */
import { DocumentsDocument, type DocumentRowFragment } from "../../api/generated/graphql";
import { ask } from "../../api/ask";
import { STATUS } from "./status";

export function hasFailed({ status }: Pick<DocumentRowFragment, "status">): boolean {
  return STATUS.failed.includes(status);
}

/** All of them. */
export async function failedDocuments(id: string): Promise<DocumentRowFragment[]> {
  const found: DocumentRowFragment[] = [];
  let after: string | null = null;
  do {
    const data: Awaited<ReturnType<typeof page>> = await page(id, after);
    found.push(...(data?.nodes ?? []));
    after = data?.pageInfo.hasNextPage ? data.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

async function page(id: string, after: string | null) {
  return (await ask(DocumentsDocument, { id, filter: { status: STATUS.failed }, orderBy: null, after })).collection?.documents;
}
