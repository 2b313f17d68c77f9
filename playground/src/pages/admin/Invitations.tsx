import { useState } from "react";
import { type InvitationsQuery, InvitationsDocument, WithdrawInvitationDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refresh, usePages } from "../../app/queries";
import { Time } from "../../ui/Time";
import { attempt } from "../../ui/toasts";

type Invitation = NonNullable<InvitationsQuery["invitations"]>["nodes"][number];

/** Who was invited, and has not come yet or has. */
export function Invitations() {
  const pages = usePages(InvitationsDocument, (after) => ({ after }), { pageInfo: (data) => data.invitations?.pageInfo });
  const [now] = useState(() => Date.now());
  const invitations = pages.data?.pages.flatMap(({ invitations }) => invitations?.nodes ?? []) ?? [];
  if (invitations.length === 0) return null;

  function withdraw(invitationId: string) {
    attempt(change(WithdrawInvitationDocument, { input: { invitationId } }).then(() => { refresh(InvitationsDocument); }), "Withdrawn. Its link is no longer valid.");
  }

  return (
    <section className="stack tight invitations" aria-label="Invitations">
      <h2>Invitations</h2>
      <div className="card table">
        <table className="stacks" aria-label="Invitations">
          <thead><tr><th>For</th><th>State</th><th className="hide-s">Role</th><th className="hide-s">From</th><th className="hide-s">Made</th><th><span className="vh">Actions</span></th></tr></thead>
          <tbody>
            {invitations.map((invitation) => (
              <tr key={invitation.id}>
                <td className="break">{invitation.email ?? <span className="muted">whoever has the link</span>}</td>
                <td><State invitation={invitation} now={now} /></td>
                <td className="hide-s">{invitation.role === "ADMIN" ? "Administrator" : "Member"}</td>
                <td className="muted hide-s">{invitation.invitedBy?.username}</td>
                <td className="muted hide-s"><Time at={invitation.createdAt} /></td>
                <td className="end">
                  {isPending(invitation, now) && <button type="button" className="btn ghost s danger" onClick={() => { withdraw(invitation.id); }}>Withdraw</button>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages.hasNextPage && <p><button type="button" className="btn" onClick={() => void pages.fetchNextPage()}>Show more</button></p>}
    </section>
  );
}

function isPending({ usedAt, expiresAt }: Invitation, now: number): boolean {
  return usedAt === null && Date.parse(expiresAt) > now;
}

function State({ invitation, now }: { invitation: Invitation; now: number }) {
  const { usedAt, expiresAt } = invitation;
  if (usedAt) return <span className="badge g">Used <Time at={usedAt} /></span>;
  if (!isPending(invitation, now)) return <span className="badge">Expired</span>;
  return <span className="badge a">Until <Time at={expiresAt} /></span>;
}
