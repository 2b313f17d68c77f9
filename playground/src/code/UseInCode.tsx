import { Link } from "@tanstack/react-router";
import { useSession } from "../app/queries";
import { Dialog } from "../ui/Dialog";
import { KeyRound, SMALL } from "../ui/Icon";
import { CodeTabs } from "./CodeTabs";
import { KEY_VARIABLE } from "./snippets";

interface UseInCodeProps {
  title: string;
  /** A generated document, whose text is the query. */
  document: { toString: () => string };
  variables: unknown;
  /** The collection that a key for this request needs. */
  collection?: string;
  onClose: () => void;
}

/** What the page asks the server, as code. */
export default function UseInCode({ title, document, variables, collection, onClose }: UseInCodeProps) {
  const { username } = useSession();
  return (
    <Dialog title={title} onClose={onClose} isWide>
      <CodeTabs request={{ query: document.toString(), variables }} />
      <div className="row wrap muted small">
        <span className="grow">
          The code takes an API key from the environment variable <code>{KEY_VARIABLE}</code>. Public collections need none:
          leave the header out.
        </span>
        {username && (
          <Link to="/account/keys/new" search={{ collection }} className="btn s"><KeyRound {...SMALL} /> Create a key</Link>
        )}
      </div>
    </Dialog>
  );
}
