import { Link } from "@tanstack/react-router";
import type { DocumentPageQuery } from "../../api/generated/graphql";
import { Time } from "../../ui/Time";
import { number } from "../../ui/words";

type Document = NonNullable<DocumentPageQuery["document"]>;

/** What is known of a document, and what its owner says of it. */
export function Facts({ document }: { document: Document }) {
  const { fileName, title, author, source, collection, uri, contentType, contentHash, language, pageCount, contentCreatedAt, contentModifiedAt, updatedAt, meta } = document;
  const values = Object.entries((meta ?? {}) as Record<string, unknown>);
  return (
    <section className="card pad stack tight" aria-label="About the document">
      <dl className="facts stacked small">
        {title !== null && title !== fileName && <><dt>File</dt><dd>{fileName}</dd></>}
        <dt>Address</dt><dd className="mono">{uri}</dd>
        {source && <><dt>Comes from</dt><dd><Link to="/collections/$id/sources" params={{ id: collection.id }}>{source.name}</Link></dd></>}
        {author && <><dt>Author</dt><dd>{author}</dd></>}
        {contentCreatedAt && <><dt>Written</dt><dd><Time at={contentCreatedAt} /></dd></>}
        {contentModifiedAt && <><dt>Last edited</dt><dd><Time at={contentModifiedAt} /></dd></>}
        {pageCount !== null && <><dt>Pages</dt><dd className="num">{number(pageCount)}</dd></>}
        <dt>Type</dt><dd>{contentType}</dd>
        {language && <><dt>Language</dt><dd>{languageWords(language)}</dd></>}
        <dt>SHA-256</dt><dd className="mono" title={contentHash}>{contentHash.slice(0, 16)}…</dd>
        <dt>Changed here</dt><dd><Time at={updatedAt} /></dd>
        {values.map(([key, value]) => [<dt key={key}>{key}</dt>, <dd key={`${key} value`}>{typeof value === "string" ? value : JSON.stringify(value)}</dd>])}
      </dl>
    </section>
  );
}

/** A file may declare a language that is none. */
function languageWords(tag: string): string {
  try {
    return `${new Intl.DisplayNames("en", { type: "language" }).of(tag) ?? tag} (${tag})`;
  } catch {
    return tag;
  }
}
