import { getRouteApi } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import "./admin.css";
import { type AuditAction, type AuditLogFilter, AuditPageDocument, type AuditPageQuery, AuditPeopleDocument } from "../../api/generated/graphql";
import { ask } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { useAsk, usePages } from "../../app/queries";
import { Download, SMALL } from "../../ui/Icon";
import { csv } from "../../text/csv";
import { saveCsv } from "../../ui/save";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";
import { absolute } from "../../ui/words";

const route = getRouteApi("/admin/audit");

type Entry = NonNullable<AuditPageQuery["auditLog"]>["nodes"][number];

const ACTIONS: Record<AuditAction, string> = {
  API_KEY_CREATE: "API key created",
  API_KEY_REVOKE: "API key revoked",
  AUTHENTICATE: "Credential presented",
  COLLECTION_CREATE: "Collection created",
  COLLECTION_DELETE: "Collection deleted",
  COLLECTION_MEMBER_REMOVE: "Member removed",
  COLLECTION_MEMBER_SET: "Role given",
  COLLECTION_PROMOTE: "Index chosen",
  COLLECTION_REINDEX: "Index begun anew",
  COLLECTION_ROLLBACK: "Index taken back",
  COLLECTION_UPDATE: "Collection changed",
  DOCUMENTS_DELETE: "Documents deleted",
  DOCUMENTS_INGEST: "Documents added",
  DOCUMENTS_RETRY: "Documents tried again",
  DOCUMENT_UPDATE: "Document described",
  INVITATION_WITHDRAW: "Invitation withdrawn",
  OPERATION_CANCEL: "Operation stopped",
  PASSWORD_CHANGE: "Password changed",
  PASSWORD_RESET: "Password reset",
  PASSWORD_RESET_CREATE: "Password reset allowed",
  READ: "Read",
  SESSION_CREATE: "Signed in",
  SESSION_REFRESH: "Session renewed",
  SESSION_REVOKE: "Session ended",
  SOURCE_CREATE: "Source created",
  SOURCE_REMOVE: "Source removed",
  SOURCE_SYNC: "Source synced",
  SOURCE_UPDATE: "Source changed",
  UPLOADS_CREATE: "Uploads created",
  UPLOAD_CREATE: "Upload created",
  UPLOAD_FILL: "File received",
  USER_ACTIVATE: "Account activated",
  USER_DEACTIVATE: "Account deactivated",
  USER_DELETE: "Account deleted",
  USER_INVITE: "Invited",
  USER_REGISTER: "Registered",
  USER_ROLE_SET: "Role on the server changed",
};
const NAMES = Object.keys(ACTIONS) as AuditAction[];
/** Entries in a list that is taken along. */
const EXPORTED = 10_000;

/** Who did what, and what was refused. */
export function AuditPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const [opened, setOpened] = useState<string>();
  const { data } = useAsk(AuditPeopleDocument, {});
  const action = NAMES.find((name) => name === asked.action);
  const filter: AuditLogFilter = {
    ...(action && { actions: [action] }),
    ...(asked.result && { result: asked.result === "done" ? "DONE" : "REFUSED" }),
    ...(asked.user && { userId: asked.user }),
    ...(asked.collection && { collectionId: asked.collection }),
    ...(asked.since && { since: new Date(asked.since).toISOString() }),
    ...(asked.until && { until: new Date(Date.parse(asked.until) + 86_400_000).toISOString() }),
  };
  const pages = usePages(AuditPageDocument, (after) => ({ filter, after }), {
    pageInfo: (data) => data.auditLog?.pageInfo,
    keepsPrevious: true,
    every: 10_000,
  });
  const entries = pages.data?.pages.flatMap(({ auditLog }) => auditLog?.nodes ?? []) ?? [];
  const set = (changes: Partial<typeof asked>) => { void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }); };

  async function save() {
    const found: Entry[] = [];
    let after: string | null = null;
    do {
      const page: AuditPageQuery = await ask(AuditPageDocument, { filter, after });
      found.push(...(page.auditLog?.nodes ?? []));
      after = page.auditLog?.pageInfo.hasNextPage ? page.auditLog.pageInfo.endCursor : null;
    } while (after !== null && found.length < EXPORTED);
    const rows = found.map(({ at, user, userId, action, result, message, objectId, collectionId, address, requestId, userAgent }) =>
      [at, user?.username ?? userId, action, result, message, objectId, collectionId, address, requestId, userAgent],
    );
    const head = ["at", "user", "action", "result", "message", "object", "collection", "address", "request", "user agent"];
    saveCsv("audit log.csv", csv([head, ...rows]));
  }

  return (
    <>
      <div className="head">
        <div className="grow"><Heading>Audit log</Heading></div>
        <button type="button" className="btn" onClick={() => { attempt(save()); }}><Download {...SMALL} /> CSV</button>
      </div>
      <div className="bar">
        <select className="input s" aria-label="Action" value={action ?? ""} onChange={({ target }) => { set({ action: target.value || undefined }); }}>
          <option value="">Every action</option>
          {NAMES.map((name) => <option key={name} value={name}>{ACTIONS[name]}</option>)}
        </select>
        <select className="input s" aria-label="Result" value={asked.result ?? ""} onChange={({ target }) => { set({ result: target.value === "" ? undefined : (target.value as "done" | "refused") }); }}>
          <option value="">Done and refused</option>
          <option value="done">Done</option>
          <option value="refused">Refused</option>
        </select>
        <select className="input s" aria-label="Who" value={asked.user ?? ""} onChange={({ target }) => { set({ user: target.value || undefined }); }}>
          <option value="">Everybody</option>
          {data?.users?.nodes.map(({ id, username }) => <option key={id} value={id}>{username}</option>)}
        </select>
        <select className="input s" aria-label="Collection" value={asked.collection ?? ""} onChange={({ target }) => { set({ collection: target.value || undefined }); }}>
          <option value="">Every collection</option>
          {data?.collections?.nodes.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
        <label className="row small muted">From <input className="input s date" type="date" value={asked.since ?? ""} onChange={({ target }) => { set({ since: target.value || undefined }); }} /></label>
        <label className="row small muted">to <input className="input s date" type="date" value={asked.until ?? ""} onChange={({ target }) => { set({ until: target.value || undefined }); }} /></label>
      </div>
      {pages.error && entries.length === 0 ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading /></div>
      ) : entries.length === 0 ? (
        <p className="card pad muted">No entry is like this.</p>
      ) : (
        <div className="card table">
          <table className="stacks">
            <thead><tr><th>When</th><th>Who</th><th>What</th><th className="hide-s">Details</th><th>Result</th><th><span className="vh">More</span></th></tr></thead>
            <tbody>
              {entries.map((entry) => (
                <Fragment key={entry.id}>
                  <tr className={entry.result === "REFUSED" ? "refused" : ""}>
                    <td className="muted"><Time at={entry.at} /></td>
                    <td className="break">{entry.user?.username ?? (entry.userId ? "an account" : "nobody")}</td>
                    <td>{ACTIONS[entry.action]}</td>
                    <td className="muted break hide-s">{entry.message}</td>
                    <td>{entry.result === "DONE" ? <span className="badge">Done</span> : <span className="badge b">Refused</span>}</td>
                    <td className="end">
                      <button type="button" className="btn ghost s" aria-expanded={opened === entry.id} onClick={() => { setOpened(opened === entry.id ? undefined : entry.id); }}>
                        {opened === entry.id ? "Less" : "More"}
                      </button>
                    </td>
                  </tr>
                  {opened === entry.id && <tr><td colSpan={6}><Details entry={entry} /></td></tr>}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
    </>
  );
}

function Details({ entry }: { entry: Entry }) {
  const rows: [string, string | null][] = [
    ["Time", absolute(entry.at)],
    ["Details", entry.message],
    ["Request", entry.requestId],
    ["Address", entry.address],
    ["Program", entry.userAgent],
    ["Object", entry.objectId],
    ["Collection", entry.collectionId],
    ["API key", entry.apiKeyId],
  ];
  return (
    <dl className="facts small">
      {rows.map(([name, value]) => value && [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>])}
    </dl>
  );
}
