import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Action, SearchDocument, TestKeyDocument, type TestKeyQuery } from "../../api/generated/graphql";
import { post } from "../../api/http";
import { Heading } from "../../app/Heading";
import { CodeTabs } from "../../code/CodeTabs";
import { KEY_VARIABLE } from "../../code/snippets";
import { CopyButton } from "../../ui/CopyButton";
import { Check, SMALL, TriangleAlert } from "../../ui/Icon";
import { useWork } from "../../ui/useWork";
import { Complaints } from "../../ui/Form";
import { count } from "../../ui/words";
import { problemOfRequest } from "../../session/problem";

interface SecretProps {
  secret: string;
  name: string;
  actions: Action[];
  collectionId: string | undefined;
}

/** The secret, which is shown once, and what to do with it. */
export function NewSecret({ secret, name, actions, collectionId }: SecretProps) {
  const work = useWork();
  const [tested, setTested] = useState<string>();

  function test() {
    work.run(async () => {
      setTested(undefined);
      const { answer } = await post({ query: TestKeyDocument.toString() }, { authorization: `Bearer ${secret}` });
      const data = answer.data as TestKeyQuery | null | undefined;
      if (!data?.viewer || answer.errors?.length) throw problemOfRequest(answer.errors);
      setTested(`It works: it acts for ${data.viewer.username} and sees ${count(data.collections?.totalCount ?? 0, "collection")}.`);
    });
  }

  const variables = { input: { query: "what is this about?", ...(collectionId && { collectionIds: [collectionId] }) }, first: 5 };
  return (
    <>
      <div className="crumb"><Link to="/account/keys">API keys</Link> ›</div>
      <div className="head"><div className="grow"><Heading>{name}</Heading></div></div>
      <div className="stack settings">
        <section className="card pad stack tight">
          <p className="note warn"><TriangleAlert {...SMALL} /> This is the only time that the key is shown. Copy it now.</p>
          <pre tabIndex={0} aria-label="The key">{secret}</pre>
          <div className="row wrap">
            <CopyButton text={secret} label="Copy the key" />
            <CopyButton text={`${KEY_VARIABLE}=${secret}`} label="Copy as .env line" />
            <button type="button" className="btn s" disabled={work.isBusy} onClick={test}>Test it</button>
          </div>
          {tested && <p className="good row" role="status"><Check {...SMALL} /> {tested}</p>}
          <Complaints of={work.complaints} />
        </section>
        {actions.includes("COLLECTION_READ") && (
          <section className="card pad stack tight">
            <h2>A first search with it</h2>
            <p className="muted small">Put the key into the environment variable <code>{KEY_VARIABLE}</code>.</p>
            <CodeTabs request={{ query: SearchDocument.toString(), variables }} />
          </section>
        )}
        <div><Link to="/account/keys" className="btn p">Done</Link></div>
      </div>
    </>
  );
}
