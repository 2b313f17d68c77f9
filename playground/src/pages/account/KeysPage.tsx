import { Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { KeysDocument, KeyCollectionsDocument, RevokeKeyDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refresh, useAsk, usePages } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { KeyRound, LARGE, Plus, SMALL } from "../../ui/Icon";
import { Empty, Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { absolute, count, number } from "../../ui/words";
import { ACTION_WORDS } from "./actions";

export function KeysPage() {
  const pages = usePages(KeysDocument, (after) => ({ after }), { pageInfo: (data) => data.viewer?.apiKeys?.pageInfo });
  const { data } = useAsk(KeyCollectionsDocument, {});
  const names = new Map(data?.collections?.nodes.map(({ id, name }) => [id, name]));
  const keys = pages.data?.pages.flatMap(({ viewer }) => viewer?.apiKeys?.nodes ?? []) ?? [];
  const [revoking, setRevoking] = useState<{ id: string; name: string }>();
  const [now] = useState(() => Date.now());

  return (
    <>
      <div className="crumb"><Link to="/account">Account</Link> ›</div>
      <div className="head">
        <div className="grow">
          <Heading>API keys</Heading>
          <p className="muted small">A key lets a program do some of what you may do, and nothing more.</p>
        </div>
        <Link to="/account/keys/new" search={{}} className="btn p"><Plus {...SMALL} /> New key</Link>
      </div>
      {pages.error ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading rows={3} /></div>
      ) : keys.length === 0 ? (
        <div className="card">
          <Empty icon={<KeyRound {...LARGE} />} title="No keys yet">
            <p>Make one for a search box on your site, a job that adds documents, or a script of your own.</p>
            <Link to="/account/keys/new" search={{}} className="btn p"><Plus {...SMALL} /> New key</Link>
          </Empty>
        </div>
      ) : (
        <div className="card table">
          <table className="stacks">
            <thead><tr><th>Key</th><th className="hide-s">May</th><th className="hide-s">Where</th><th>Last used</th><th>Expires</th><th><span className="vh">Actions</span></th></tr></thead>
            <tbody>
              {keys.map(({ id, name, prefix, actions, collectionIds, lastUsedAt, expiresAt, revokedAt, pointsBudget, pointsSpent, pointsPerMinute }) => {
                const isOver = revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) < now);
                return (
                  <tr key={id} className={isOver ? "faint" : ""}>
                    <td className="whole">
                      <strong className="break">{name}</strong><br /><code>{prefix}…</code>
                      {(pointsBudget ?? pointsPerMinute) !== null && (
                        <div className="small muted num">
                          {pointsBudget !== null && `${number(Number(pointsSpent))} of ${number(Number(pointsBudget))} points spent. `}
                          {pointsPerMinute !== null && `${number(pointsPerMinute)} points a minute.`}
                        </div>
                      )}
                    </td>
                    <td className="muted small hide-s">{actions.map((action, index) => <Fragment key={action}>{index > 0 && ", "}{ACTION_WORDS[action]}</Fragment>)}</td>
                    <td className="muted small hide-s">{collectionIds === null ? "Everywhere" : collectionIds.length <= 2 ? collectionIds.map((id) => names.get(id) ?? "a collection").join(", ") : count(collectionIds.length, "collection")}</td>
                    <td className="muted small" data-label="Last used">{lastUsedAt ? <Time at={lastUsedAt} /> : "never"}</td>
                    <td className="small" data-label="Expires">
                      {revokedAt ? <span className="badge b" title={absolute(revokedAt)}>Revoked</span> : expiresAt ? <Time at={expiresAt} /> : <span className="muted">never</span>}
                    </td>
                    <td className="end">{!isOver && <button type="button" className="btn ghost s danger" onClick={() => { setRevoking({ id, name }); }}>Revoke</button>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          action="Revoke"
          run={async () => {
            await change(RevokeKeyDocument, { id: revoking.id });
            refresh(KeysDocument);
          }}
          onClose={() => { setRevoking(undefined); }}
        >
          <p>Programs that use it are refused from now on. It can’t be brought back.</p>
        </Confirm>
      )}
    </>
  );
}
