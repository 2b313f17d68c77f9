import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import "./admin.css";
import { ServerPageDocument, type ServerPageQuery } from "../../api/generated/graphql";
import { Heading } from "../../app/Heading";
import { useAsk } from "../../app/queries";
import { Check, CircleAlert, SMALL } from "../../ui/Icon";
import { Figure } from "../../ui/Progress";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { count, number, size } from "../../ui/words";
import { Queues } from "./Queues";
import { DAMAGE } from "./words";
import { Workers } from "./Workers";
import { modelState, modelWords } from "../generations/words";

type Server = NonNullable<ServerPageQuery["server"]>;

/** How the server is, as far as its API tells. */
export function ServerPage() {
  const { data, error, refetch } = useAsk(ServerPageDocument, {}, { every: 5_000 });
  if (error) return <><Heading>Health</Heading><Failed error={error} onRetry={() => void refetch()} /></>;
  const server = data?.server;
  if (!server) return <><Heading>Health</Heading><Loading /></>;
  return (
    <>
      <div className="head"><div className="grow"><Heading>Health</Heading></div></div>
      <div className="stack">
        <section className="card pad figures" aria-label="At a glance">
          <Figure value={number(data.users?.totalCount ?? 0)} label="accounts" />
          <Figure value={number(data.collections?.totalCount ?? 0)} label="collections you see" />
          <Figure value={number(data.running?.totalCount ?? 0)} label="of your operations run" />
          <Figure value={number(data.waiting?.totalCount ?? 0)} label="wait" />
        </section>
        <div className="panels">
          <section className="card pad stack tight">
            <h2>Server</h2>
            <dl className="facts">
              <dt>Version</dt><dd>{server.version}</dd>
              <dt>Mode</dt><dd>{server.mode === "EMBEDDED" ? "Embedded: everything in one process and its data directory" : "Server: database or vectors are separate"}</dd>
              <dt>Registration</dt><dd>{{ OPEN: "open to everybody", INVITE: "by invitation", CLOSED: "closed" }[server.registration]}</dd>
              <dt>Indexing</dt><dd>{server.ingestionState === "RUNNING" ? <span className="good">runs</span> : <span className="warn">waits for disk space</span>}</dd>
            </dl>
          </section>
          <Checks />
          <Integrity server={server} />
          <section className="card pad stack tight">
            <h2>Models</h2>
            {(data.embeddingModels ?? []).map(({ name, revision, dimension, maxTokens, isRemote, precision, state }) => (
              <dl key={`${name} ${revision ?? ""} ${precision}`} className="facts">
                <dt>Name</dt><dd>{modelWords({ name, isRemote, precision })}</dd>
                <dt>State</dt><dd className={modelState(state)[1]}>{modelState(state)[0]}</dd>
                {dimension !== null && <><dt>Dimension</dt><dd>{dimension}</dd></>}
                {maxTokens !== null && <><dt>Tokens</dt><dd>{maxTokens}</dd></>}
                {revision && <><dt>Revision</dt><dd className="mono">{revision.slice(0, 16)}</dd></>}
              </dl>
            ))}
          </section>
        </div>
        <Queues queues={server.queues ?? []} />
        <Workers workers={server.workers ?? []} />
        <Limits server={server} />
        <p className="muted small">What people did is in the <Link to="/admin/audit" search={{}}>audit log</Link>.</p>
      </div>
    </>
  );
}

/** What the server says to those who watch it from outside. */
function Checks() {
  const { data } = useQuery({
    queryKey: ["health"],
    queryFn: async () => {
      const response = await fetch(new URL("health/ready", document.baseURI));
      return { isReady: response.ok, text: await response.text() };
    },
    refetchInterval: 5_000,
  });
  return (
    <section className="card pad stack tight">
      <h2>Readiness</h2>
      {!data ? <Loading rows={2} /> : (
        <>
          <p className={`row ${data.isReady ? "good" : "bad"}`}>
            {data.isReady ? <Check {...SMALL} /> : <CircleAlert {...SMALL} />} {data.isReady ? "Ready for requests" : "Not ready"}
          </p>
          <Parts text={data.text} />
        </>
      )}
    </section>
  );
}

function Parts({ text }: { text: string }) {
  const parts = partsOf(text);
  if (!parts) return <p className="muted">{text}</p>;
  return (
    <dl className="facts">
      {parts.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>])}
    </dl>
  );
}

function partsOf(text: string): [string, string][] | undefined {
  try {
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    return Object.entries(dependencies);
  } catch {
    return undefined;
  }
}

function Integrity({ server: { integrity } }: { server: Server }) {
  if (!integrity) return null;
  const { checkedAt, filesCheckedAt, collections, differing, missingPoints, surplusPoints, findings } = integrity;
  const damage = findings.filter(({ count: found }) => found > 0);
  return (
    <section className="card pad stack tight">
      <h2>Integrity</h2>
      {checkedAt ? (
        <>
          <p className={`row ${differing > 0 ? "warn" : "good"}`}>
            {differing > 0 ? <CircleAlert {...SMALL} /> : <Check {...SMALL} />}
            {differing > 0 ? `${count(differing, "collection")} differ and are being repaired` : collections === 0 ? "There was nothing to compare" : `All passages of ${count(collections, "collection")} can be found`}
          </p>
          <dl className="facts">
            <dt>Compared</dt><dd><Time at={checkedAt} /></dd>
            <dt>Files looked for</dt><dd>{filesCheckedAt ? <Time at={filesCheckedAt} /> : "not yet"}</dd>
            <dt>Missing</dt><dd>{number(missingPoints)}</dd>
            <dt>Surplus</dt><dd>{number(surplusPoints)}</dd>
          </dl>
          {damage.length > 0 ? (
            <ul className="damage warn">{damage.map(({ kind, count: found }) => <li key={kind}>{DAMAGE[kind]}: {number(found)}</li>)}</ul>
          ) : (
            findings.length > 0 && <p className="muted small">No damage was found in documents, files, counters, operations and jobs.</p>
          )}
        </>
      ) : (
        <p className="muted">The first comparison is not finished.</p>
      )}
    </section>
  );
}

const LIMITS: [string, (limits: Server["limits"]) => string][] = [
  ["Largest file", ({ uploadBytes }) => size(uploadBytes)],
  ["Files of an account", ({ storedBytesPerAccount }) => (storedBytesPerAccount ? size(storedBytesPerAccount) : "by disk space")],
  ["Files of a collection", ({ storedBytesPerCollection }) => (storedBytesPerCollection ? size(storedBytesPerCollection) : "by disk space")],
  ["Documents in a call", ({ ingestDocuments }) => number(ingestDocuments)],
  ["Points of an account", ({ pointsBurst, pointsPerMinute }) => `${number(pointsBurst)} at once, ${number(pointsPerMinute)} a minute`],
  ["Points without an account", ({ anonymousPointsBurst, anonymousPointsPerMinute }) => `${number(anonymousPointsBurst)} at once, ${number(anonymousPointsPerMinute)} a minute`],
  ["Points of a request", ({ requestPoints }) => number(requestPoints)],
  ["Failed logins a minute", ({ loginAttemptsPerAccount, loginAttemptsPerAddress }) => `${loginAttemptsPerAccount} per account, ${loginAttemptsPerAddress} per address`],
  ["Rows of a page", ({ defaultPageSize, maxPageSize }) => `${defaultPageSize}, at most ${maxPageSize}`],
  ["Question", ({ queryCharacters }) => `${number(queryCharacters)} characters`],
  ["Hits by paging", ({ searchRank }) => number(searchRank)],
  ["Collections of a search", ({ searchCollections }) => number(searchCollections)],
  ["Request", ({ requestBytes }) => size(requestBytes)],
  ["GraphQL document", ({ documentBytes, documentTokens, depth, aliases, mutations }) => `${size(documentBytes)}, ${number(documentTokens)} tokens, depth ${depth}, ${aliases} aliases, ${mutations} mutations`],
  ["Execution", ({ executionSeconds }) => `${executionSeconds} s`],
];

function Limits({ server: { limits } }: { server: Server }) {
  return (
    <section className="card pad stack tight">
      <h2>Limits</h2>
      <dl className="facts limits">
        {LIMITS.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name} value`} className="num">{value(limits)}</dd>])}
      </dl>
    </section>
  );
}
