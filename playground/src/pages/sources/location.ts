/** Between the fields of a form and the place that they describe. */
import type { SourceKind, SourceLocationInput, SourceRowFragment, WebStartInput } from "../../api/generated/graphql";
import { linesOf } from "./words";

/** The ways to find the pages of a site. */
export type Start = "page" | "sitemap" | "urls";

/** What the fields of a form hold, by the names that the API has for them. A field that is absent is empty. */
export type Values = Partial<Record<string, string>>;

const MIB = 1024 * 1024;

/** The place that the fields describe. What is empty is left to the server. */
export function locationOf(kind: SourceKind, start: Start, values: Values): SourceLocationInput {
  const text = (name: string) => values[name]?.trim() ?? "";
  const optional = (name: string) => (text(name) ? { [name]: text(name) } : {});
  const number = (name: string) => (text(name) ? { [name]: Number(text(name)) } : {});
  const files = {
    include: linesOf(text("include")),
    exclude: linesOf(text("exclude")),
    ...(text("maxFileBytes") && { maxFileBytes: String(Math.round(Number(text("maxFileBytes")) * MIB)) }),
  };
  switch (kind) {
    case "DIRECTORY":
      return { directory: { path: text("path"), hidden: values.hidden !== undefined, ...files } };
    case "WEB":
      return { web: { start: startOf(), ...number("maxPages"), ...number("requestsPerMinute"), ...files } };
    case "BUCKET": {
      const accessKeyId = text("accessKeyId");
      const credentials = { accessKeyId, secretAccessKey: text("secretAccessKey") };
      const optionals = { ...optional("endpoint"), ...optional("region"), ...optional("prefix"), ...(accessKeyId && { credentials }) };
      return { bucket: { bucket: text("bucket"), ...optionals, ...files } };
    }
  }

  function startOf(): WebStartInput {
    switch (start) {
      case "page": return { page: { url: text("url"), ...number("depth"), ...optional("prefix") } };
      case "sitemap": return { sitemap: text("sitemap") };
      case "urls": return { urls: linesOf(text("urls")) };
    }
  }
}

/** What the fields hold for the place that a source has. Its secret is nowhere to be read. */
export function valuesOf({ directory, web, bucket }: Pick<SourceRowFragment, "directory" | "web" | "bucket">): Values {
  const files = directory ?? web ?? bucket;
  return {
    path: directory?.path,
    hidden: directory?.hidden ? "on" : undefined,
    url: web?.page?.url,
    depth: web?.page?.depth.toString(),
    prefix: web?.page?.prefix ?? bucket?.prefix,
    sitemap: web?.sitemap ?? undefined,
    urls: web?.urls?.join("\n"),
    maxPages: web?.maxPages.toString(),
    requestsPerMinute: web?.requestsPerMinute.toString(),
    bucket: bucket?.bucket,
    endpoint: bucket?.endpoint ?? undefined,
    region: bucket?.region,
    accessKeyId: bucket?.accessKeyId ?? undefined,
    include: files?.include.join("\n"),
    exclude: files?.exclude.join("\n"),
    maxFileBytes: files ? String(Number(files.maxFileBytes) / MIB) : undefined,
  };
}

export function startOf(web: SourceRowFragment["web"]): Start {
  if (web?.sitemap) return "sitemap";
  return web?.urls ? "urls" : "page";
}

/** Whether the secret of a key has to be given. */
export function lacksSecret({ bucket }: SourceLocationInput): boolean {
  return bucket?.credentials?.secretAccessKey === "";
}
