import { CopyButton } from "../../ui/CopyButton";
import { Dialog } from "../../ui/Dialog";
import { Time } from "../../ui/Time";

/** A link for one person, which is shown once. */
export function LinkDialog({ title, link, expiresAt, onClose }: { title: string; link: string; expiresAt: string | null; onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>Send this link to the person. It is shown once and works once{expiresAt && <>, and expires <Time at={expiresAt} /></>}.</p>
      <pre tabIndex={0} aria-label="Link">{link}</pre>
      <div className="actions">
        <CopyButton text={link} label="Copy the link" isSmall={false} />
        <button type="button" className="btn p" onClick={onClose}>Done</button>
      </div>
    </Dialog>
  );
}

/** The address of a page of this app, for somebody else. */
export function linkTo(page: string, search: Record<string, string>): string {
  const link = new URL(page, document.baseURI);
  link.search = new URLSearchParams(search).toString();
  return link.href;
}
