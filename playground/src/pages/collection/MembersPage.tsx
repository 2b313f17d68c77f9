import { useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, useDeferredValue, useId, useState } from "react";
import "./members.css";
import { type CollectionRole, MembersDocument, RemoveMemberDocument, SetMemberDocument, SuggestUsersDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh, refreshAll, useAsk, usePages } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { Confirm } from "../../ui/Confirm";
import { Complaints, SelectField, TextField } from "../../ui/Form";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { attempt, say } from "../../ui/toasts";
import { useWork } from "../../ui/useWork";
import { useCollection } from "./context";

const ROLES = [["VIEWER", "Viewer"], ["EDITOR", "Editor"]] as const;
const NAMES: Record<CollectionRole, string> = { OWNER: "Owner", EDITOR: "Editor", VIEWER: "Viewer" };

type Asking = { what: "remove" | "leave" | "handOver"; userId: string; username: string };

/** Who may do what in the collection. */
export function MembersPage() {
  const { id, name, viewerCan, viewerRole } = useCollection();
  const { viewer } = useFrame();
  const [asking, setAsking] = useState<Asking>();
  const navigate = useNavigate();
  const mayManage = viewerCan.includes("MEMBER_MANAGE");
  const pages = usePages(MembersDocument, (after) => ({ id, after }), { pageInfo: (data) => data.collection?.members.pageInfo });
  const members = pages.data?.pages.flatMap(({ collection }) => collection?.members.nodes ?? []) ?? [];

  function setRole(userId: string, role: CollectionRole) {
    attempt(change(SetMemberDocument, { input: { collectionId: id, userId, role } }).then(() => { refresh(MembersDocument); }), "Role changed");
  }
  const remove = async (userId: string) => {
    await change(RemoveMemberDocument, { input: { collectionId: id, userId } });
    if (userId === viewer?.id) {
      refreshAll();
      await navigate({ to: "/collections", search: {} });
    } else {
      refresh(MembersDocument);
    }
  };

  return (
    <div className="stack">
      {mayManage && <Share collectionId={id} />}
      {pages.error ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading rows={3} /></div>
      ) : (
        <div className="card table">
          <table className="stacks">
            <thead><tr><th>User</th><th>Role</th><th className="hide-s">Since</th><th><span className="vh">Actions</span></th></tr></thead>
            <tbody>
              {members.map(({ userId, user, role, createdAt }) => {
                const username = user?.username ?? "a deleted account";
                const isSelf = userId === viewer?.id;
                return (
                  <tr key={userId}>
                    <td><strong className="break">{username}</strong>{isSelf && <span className="muted"> (you)</span>} <span className="muted">{user?.fullName}</span></td>
                    <td>
                      {mayManage && role !== "OWNER" ? (
                        <select className="input s" aria-label={`Role of ${username}`} value={role} onChange={({ target }) => { setRole(userId, target.value as CollectionRole); }}>
                          {ROLES.map(([value, words]) => <option key={value} value={value}>{words}</option>)}
                        </select>
                      ) : (
                        NAMES[role]
                      )}
                    </td>
                    <td className="muted hide-s"><Time at={createdAt} /></td>
                    <td className="end">
                      <span className="row wrap member-actions">
                        {mayManage && role !== "OWNER" && (
                          <>
                            <button type="button" className="btn ghost s" onClick={() => { setAsking({ what: "handOver", userId, username }); }}>Hand over</button>
                            <button type="button" className="btn ghost s danger" onClick={() => { setAsking({ what: "remove", userId, username }); }}>Remove</button>
                          </>
                        )}
                        {isSelf && role !== "OWNER" && viewerCan.includes("COLLECTION_LEAVE") && (
                          <button type="button" className="btn ghost s danger" onClick={() => { setAsking({ what: "leave", userId, username }); }}>Leave</button>
                        )}
                      </span>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <Roles current={viewerRole} />
      {asking?.what === "remove" && (
        <Confirm title={`Remove ${asking.username}?`} action="Remove" run={() => remove(asking.userId)} onClose={() => { setAsking(undefined); }}>
          <p>They can’t see this collection any longer, from now on.</p>
        </Confirm>
      )}
      {asking?.what === "leave" && (
        <Confirm title={`Leave ${name}?`} action="Leave" run={() => remove(asking.userId)} onClose={() => { setAsking(undefined); }}>
          <p>You can’t see it any longer. Its owner can share it with you again.</p>
        </Confirm>
      )}
      {asking?.what === "handOver" && (
        <Confirm
          title={`Hand ${name} over to ${asking.username}?`}
          action="Hand over"
          typed={asking.username}
          run={async () => {
            await change(SetMemberDocument, { input: { collectionId: id, userId: asking.userId, role: "OWNER" } });
            refreshAll();
            say(`${asking.username} owns the collection now`);
          }}
          onClose={() => { setAsking(undefined); }}
        >
          <p>They become its owner, and you become an editor. Only they can give it back.</p>
        </Confirm>
      )}
    </div>
  );
}

function Share({ collectionId }: { collectionId: string }) {
  const work = useWork();
  const [role, setRole] = useState<"VIEWER" | "EDITOR">("VIEWER");
  const [typed, setTyped] = useState("");
  const beginning = useDeferredValue(typed.trim());
  const listId = useId();
  const { data } = useAsk(SuggestUsersDocument, { text: beginning }, { enabled: beginning !== "", keepsPrevious: true });
  const suggested = beginning === "" ? [] : (data?.userSuggest ?? []);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const username = typed.trim();
    work.run(async () => {
      await change(SetMemberDocument, { input: { collectionId, username, role } });
      refresh(MembersDocument);
      setTyped("");
      say(`Shared with ${username}`);
    });
  }

  return (
    <form className="card pad stack tight" onSubmit={submit}>
      <h2>Share with a user of this server</h2>
      <div className="share">
        <TextField name="username" label="User name" required autoComplete="off" autoCapitalize="none" spellCheck={false} list={listId} value={typed} onChange={({ target }) => { setTyped(target.value); }} complaints={work.complaints} />
        <datalist id={listId}>{suggested.map(({ id, username, fullName }) => <option key={id} value={username}>{fullName}</option>)}</datalist>
        <SelectField name="role" label="Role" value={role} options={ROLES} onChange={setRole} />
        <button type="submit" className="btn p" disabled={work.isBusy}>Share</button>
      </div>
      <Complaints of={work.complaints} except={["username", "role"]} />
    </form>
  );
}

const RIGHTS: [string, boolean, boolean, boolean][] = [
  ["Read, search, download", true, true, true],
  ["Add, replace and delete documents", false, true, true],
  ["Stop operations", false, true, true],
  ["Change name, description, metadata", false, false, true],
  ["Make it public, share it, delete it", false, false, true],
];

function Roles({ current }: { current: CollectionRole | null }) {
  return (
    <details className="card pad" open={current === "OWNER" ? undefined : true}>
      <summary>What each role may do</summary>
      <div className="table">
        <table>
          <thead><tr><th>May</th><th>Viewer</th><th>Editor</th><th>Owner</th></tr></thead>
          <tbody>
            {RIGHTS.map(([what, ...may]) => (
              <tr key={what}><td>{what}</td>{may.map((is, index) => <td key={index}>{is ? "yes" : <span className="faint">no</span>}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
