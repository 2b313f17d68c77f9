import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { ActivateDocument, DeactivateDocument, type ServerRole, SetRoleDocument, UsersDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Heading } from "../../app/Heading";
import { refresh, usePages } from "../../app/queries";
import { useFrame } from "../../app/useFrame";
import { Confirm } from "../../ui/Confirm";
import { Mail, SMALL } from "../../ui/Icon";
import { Failed, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { Invitations } from "./Invitations";
import { InviteDialog } from "./InviteDialog";
import { PasswordResetDialog } from "./PasswordResetDialog";

const route = getRouteApi("/admin/users");

/** The accounts of the server. */
export function UsersPage() {
  const asked = route.useSearch();
  const navigate = route.useNavigate();
  const { viewer } = useFrame();
  const [isInviting, setInviting] = useState(false);
  const [asking, setAsking] = useState<{ id: string; username: string; what: "deactivate" | "ADMIN" | "MEMBER" }>();
  const [forgetful, setForgetful] = useState<{ id: string; username: string }>();
  const pages = usePages(
    UsersDocument,
    (after) => ({
      filter: {
        ...(asked.q && { text: asked.q }),
        ...(asked.role && { role: asked.role === "admin" ? ("ADMIN" as const) : ("MEMBER" as const) }),
        ...(asked.show && { isActive: asked.show === "active" }),
      },
      after,
    }),
    { pageInfo: (data) => data.users?.pageInfo, keepsPrevious: true },
  );
  const users = pages.data?.pages.flatMap(({ users }) => users?.nodes ?? []) ?? [];
  const administrators = pages.data?.pages[0]?.administrators?.nodes ?? [];
  const isLast = (id: string) => administrators.length === 1 && administrators[0]?.id === id;
  const set = (changes: Partial<typeof asked>) => { void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }); };
  const setRole = async (userId: string, role: ServerRole) => {
    await change(SetRoleDocument, { input: { userId, role } });
    refresh(UsersDocument);
  };

  return (
    <>
      <div className="head">
        <div className="grow"><Heading>Users</Heading></div>
        <button type="button" className="btn p" onClick={() => { setInviting(true); }}><Mail {...SMALL} /> Invite</button>
      </div>
      <div className="bar">
        <input className="input s find" type="search" aria-label="Find by name or e-mail" placeholder="Name or e-mail" defaultValue={asked.q} onChange={({ target }) => { set({ q: target.value.trim() || undefined }); }} />
        <select className="input s" aria-label="Role" value={asked.role ?? ""} onChange={({ target }) => { set({ role: target.value === "" ? undefined : (target.value as "admin" | "member") }); }}>
          <option value="">Every role</option>
          <option value="admin">Administrators</option>
          <option value="member">Members</option>
        </select>
        <select className="input s" aria-label="State" value={asked.show ?? ""} onChange={({ target }) => { set({ show: target.value === "" ? undefined : (target.value as "active" | "inactive") }); }}>
          <option value="">Active and not</option>
          <option value="active">Active</option>
          <option value="inactive">Deactivated</option>
        </select>
        <span className="grow" />
        {pages.data && <span className="muted num">{count(pages.data.pages[0]?.users?.totalCount ?? 0, "account")}</span>}
      </div>
      {pages.error && users.length === 0 ? (
        <div className="card"><Failed error={pages.error} onRetry={() => void pages.refetch()} /></div>
      ) : pages.isPending ? (
        <div className="card"><Loading /></div>
      ) : users.length === 0 ? (
        <p className="card pad muted">No account is like this.</p>
      ) : (
        <div className="card table">
          <table className="stacks">
            <thead><tr><th>User</th><th className="hide-s">E-mail</th><th>Role</th><th>State</th><th className="hide-s">Since</th><th><span className="vh">Actions</span></th></tr></thead>
            <tbody>
              {users.map(({ id, username, email, fullName, role, isActive, createdAt }) => (
                <tr key={id}>
                  <td><strong className="break">{username}</strong>{id === viewer?.id && <span className="muted"> (you)</span>}{fullName && <div className="muted small">{fullName}</div>}</td>
                  <td className="muted hide-s break">{email}</td>
                  <td>
                    <select
                      className="input s"
                      aria-label={`Role of ${username}`}
                      value={role ?? "MEMBER"}
                      disabled={isLast(id)}
                      onChange={({ target }) => { setAsking({ id, username, what: target.value as ServerRole }); }}
                    >
                      <option value="MEMBER">Member</option>
                      <option value="ADMIN">Administrator</option>
                    </select>
                  </td>
                  <td>{isActive ? <span className="badge g">Active</span> : <span className="badge">Deactivated</span>}</td>
                  <td className="muted hide-s"><Time at={createdAt} /></td>
                  <td className="end">
                    {id !== viewer?.id && isActive && <button type="button" className="btn ghost s" onClick={() => { setForgetful({ id, username }); }}>New password</button>}
                    {isLast(id) ? (
                      <span className="muted small">The last administrator</span>
                    ) : isActive ? (
                      <button type="button" className="btn ghost s danger" onClick={() => { setAsking({ id, username, what: "deactivate" }); }}>Deactivate</button>
                    ) : (
                      <button type="button" className="btn ghost s" onClick={() => { attempt(change(ActivateDocument, { id }).then(() => { refresh(UsersDocument); }), `${username} can sign in again`); }}>Activate</button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {pages.hasNextPage && <p className="bar"><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
      <Invitations />
      {isInviting && <InviteDialog onClose={() => { setInviting(false); }} />}
      {forgetful && <PasswordResetDialog user={forgetful} onClose={() => { setForgetful(undefined); }} />}
      {asking?.what === "deactivate" && (
        <Confirm
          title={`Deactivate ${asking.username}?`}
          action="Deactivate"
          run={async () => {
            await change(DeactivateDocument, { id: asking.id });
            refresh(UsersDocument);
          }}
          onClose={() => { setAsking(undefined); }}
        >
          <p>All their sessions end at once and their keys are refused. Their collections stay, and you can activate the account again.</p>
        </Confirm>
      )}
      {asking && asking.what !== "deactivate" && (
        <Confirm
          title={asking.what === "ADMIN" ? `Make ${asking.username} an administrator?` : `Make ${asking.username} a member?`}
          action={asking.what === "ADMIN" ? "Make them an administrator" : "Make them a member"}
          run={() => setRole(asking.id, asking.what === "ADMIN" ? "ADMIN" : "MEMBER")}
          onClose={() => { setAsking(undefined); }}
        >
          <p>{asking.what === "ADMIN" ? "They can invite and deactivate people, you too, and read the audit log." : "They can use the server, and no longer administer it."}</p>
        </Confirm>
      )}
    </>
  );
}
