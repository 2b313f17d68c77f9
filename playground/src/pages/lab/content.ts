/** What is cut: a text that is pasted, a file that is uploaded, or a document that the server has. */
import type { ChunkingPreviewContentInput } from "../../api/generated/graphql";
import { createUploads } from "../../upload/uploads";
import { put } from "../../upload/put";

/** The longest text that an address has. */
export const IN_ADDRESS = 4_000;

export interface Content {
  doc?: string;
  upload?: string;
  text?: string;
  file?: string;
}

/** What is cut before anybody says what. */
export const SAMPLE = `# The lighthouse

The keeper lights the lamp at dusk and winds the clockwork twice a night. The light turns once in twenty seconds. On a clear night a ship sees it from eighteen miles away.

## Fog

In fog the lamp is of no use. The keeper starts the horn, which blows for four seconds in every minute. The horn needs compressed air; the compressor is in the shed behind the tower.

## The book

Every hour is written into the book: the wind, the sea, the ships that passed. The book of 1897 tells of a storm that lasted for nine days. Nobody could land, and the oil for the lamp was nearly gone on the last night.

## Gardens

Behind the wall grow potatoes and kale. Salt kills everything else. Hens are kept in the lee of the house, where they lay until November.
`;

export const SAMPLE_NAME = "lighthouse.md";

export function contentInput({ doc, upload }: Content, text: string): ChunkingPreviewContentInput {
  return doc ? { documentId: doc } : upload ? { uploadId: upload } : { text };
}

/** Sends a file without adding it to any collection. It can be cut until the upload expires. */
export async function uploadToCut(file: File): Promise<string> {
  const { signal } = new AbortController();
  const [created] = await createUploads([{ fileName: file.name }], signal);
  if (!created?.upload) throw new Error(created?.userErrors[0]?.message ?? "The server did not take the file.");
  await put(created.upload.url, file, () => undefined, { waits: () => undefined, signal });
  return created.upload.id;
}
