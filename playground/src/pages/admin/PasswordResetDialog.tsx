import { useState } from "react";
import { CreatePasswordResetDocument } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { Confirm } from "../../ui/Confirm";
import { LinkDialog, linkTo } from "./LinkDialog";

/** Makes a link with which somebody who forgot their password can choose another one. */
export function PasswordResetDialog({ user: { id, username }, onClose }: { user: { id: string; username: string }; onClose: () => void }) {
  const [made, setMade] = useState<{ link: string; expiresAt: string | null }>();
  if (made) return <LinkDialog title={`New password for ${username}`} {...made} onClose={onClose} />;
  return (
    <Confirm
      title={`A new password for ${username}?`}
      action="Make the link"
      isHarmless
      run={async () => {
        const { token, expiresAt } = await change(CreatePasswordResetDocument, { input: { userId: id } });
        if (token) setMade({ link: linkTo("new-password", { token }), expiresAt });
      }}
      onClose={onClose}
    >
      <p>They choose it themselves, with a link that you give to them. All their sessions end then; earlier links are no longer valid. Until then nothing changes.</p>
    </Confirm>
  );
}
