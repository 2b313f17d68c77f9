import { Link } from "@tanstack/react-router";
import { useState } from "react";
import "./api.css";
import { Heading } from "../../app/Heading";
import { CodeTabs } from "../../code/CodeTabs";
import { endpoint, explorerLink } from "../../code/snippets";
import { CopyButton } from "../../ui/CopyButton";
import { Download, ExternalLink, KeyRound, SMALL } from "../../ui/Icon";
import { savedOperations } from "../../explorer/walk/operations";
import { FIRST_REQUESTS, subscriptionSnippet, uploadSnippet } from "./requests";

const ERRORS: [string, string][] = [
  ["UNAUTHENTICATED", "The credential is missing, wrong or expired."],
  ["FORBIDDEN", "The caller may not do this."],
  ["NOT_FOUND", "It does not exist, or is hidden from the caller."],
  ["BAD_USER_INPUT", "A value has the wrong form."],
  ["CONFLICT", "The current state does not allow it."],
  ["COST_LIMIT_EXCEEDED", "The request would cost more points than one may."],
  ["RATE_LIMITED", "No points are left. Retry-After says how long to wait."],
  ["TIMEOUT", "It took too long."],
  ["UNAVAILABLE", "A part of the server does not answer now."],
  ["GRAPHQL_PARSE_FAILED", "The document is not GraphQL."],
  ["GRAPHQL_VALIDATION_FAILED", "The document does not fit the schema."],
  ["PERSISTED_QUERY_NOT_FOUND", "Send the document together with its hash once."],
  ["INTERNAL_SERVER_ERROR", "The server’s log has the reason, under the request’s id."],
];

/** The way from the pages to programs. */
export function ApiPage() {
  const [first, setFirst] = useState(0);
  const request = FIRST_REQUESTS[first];
  const schema = new URL("schema.graphql", document.baseURI).href;
  return (
    <>
      <div className="head">
        <div className="grow">
          <Heading>API</Heading>
          <p className="muted">One GraphQL endpoint for everything that these pages do. Every page has its request behind “Use in code”.</p>
        </div>
        <a className="btn" href={schema} download="schema.graphql"><Download {...SMALL} /> Schema</a>
        <a className="btn p" href={new URL("explorer.html", document.baseURI).href}><ExternalLink {...SMALL} /> Open the Explorer</a>
      </div>
      <div className="stack api-page">
        <section className="card pad stack tight">
          <h2>Endpoint</h2>
          <div className="row wrap"><pre className="grow" tabIndex={0} aria-label="Endpoint">{endpoint()}</pre><CopyButton text={endpoint()} /></div>
          <p className="muted small">
            POST for everything, GET for queries, a WebSocket with <code>graphql-transport-ws</code> or server-sent events for
            subscriptions. A key goes into the header <code>authorization: Bearer …</code>. <Link to="/account/keys/new" search={{}} className="btn s"><KeyRound {...SMALL} /> Create a key</Link>
          </p>
        </section>
        <section className="card pad stack tight">
          <h2>The first requests</h2>
          <div role="group" aria-label="Request" className="row wrap">
            {FIRST_REQUESTS.map(({ name }, index) => (
              <button key={name} type="button" className="chip" aria-pressed={index === first} onClick={() => { setFirst(index); }}>{index + 1}. {name}</button>
            ))}
          </div>
          {request && <CodeTabs request={request} />}
        </section>
        <section className="card pad stack tight">
          <h2>Send a file</h2>
          <Snippet text={uploadSnippet(endpoint())} />
        </section>
        <section className="card pad stack tight">
          <h2>Follow an operation</h2>
          <Snippet text={subscriptionSnippet(endpoint())} />
        </section>
        <section className="stack tight">
          <h2>Saved operations</h2>
          <ul className="saved">
            {savedOperations.map(({ name, description, query, variables }, index) => (
              <li key={name} className="card pad stack tight">
                <h3>{index + 1}. {name}</h3>
                <p className="muted small">{description}</p>
                <div><a className="btn s" href={explorerLink({ query, variables: JSON.parse(variables) as unknown })}><ExternalLink {...SMALL} /> Open in Explorer</a></div>
              </li>
            ))}
          </ul>
        </section>
        <section className="card pad stack tight">
          <h2>Error codes</h2>
          <p className="muted small">
            In <code>errors[].extensions.code</code>. What is wrong with an input is no error: it is in <code>userErrors</code> of the
            payload, with the path of the field.
          </p>
          <div className="table">
            <table>
              <thead><tr><th>Code</th><th>Meaning</th></tr></thead>
              <tbody>{ERRORS.map(([code, meaning]) => <tr key={code}><td><code>{code}</code></td><td className="muted">{meaning}</td></tr>)}</tbody>
            </table>
          </div>
        </section>
      </div>
    </>
  );
}

function Snippet({ text }: { text: string }) {
  return (
    <>
      <pre tabIndex={0} aria-label="Code"><code>{text}</code></pre>
      <div><CopyButton text={text} /></div>
    </>
  );
}
