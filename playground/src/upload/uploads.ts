/** Asks for places to upload to, several in one request. */
import { ask } from "../api/ask";
import { type CreateUploadMutation, TypedDocumentString, type UploadCreateInput } from "../api/generated/graphql";

type Created = NonNullable<CreateUploadMutation["uploadCreate"]>;

export async function createUploads(inputs: UploadCreateInput[], signal: AbortSignal): Promise<Created[]> {
  const names = inputs.map((_, index) => `input${index}`);
  const fields = names.map(
    (name) => `${name}: uploadCreate(input: $${name}) { upload { id url } userErrors { message } }`,
  );
  const query = `mutation CreateUploads(${names.map((name) => `$${name}: UploadCreateInput!`).join(", ")}) { ${fields.join(" ")} }`;
  const variables = Object.fromEntries(names.map((name, index) => [name, inputs[index]]));
  const document = new TypedDocumentString<Record<string, Created>, typeof variables>(query);
  const data = await ask(document, variables, signal);
  return names.map((name) => data[name] ?? { upload: null, userErrors: [{ message: "The server sent no answer." }] });
}
