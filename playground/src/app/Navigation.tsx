import { Link } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { session } from "../api/ask";
import {
  Activity, Code, FlaskConical, KeyRound, Library, LogOut, Monitor, Moon, ScrollText, Search, Server, SMALL, Sun, User, Users,
} from "../ui/Icon";
import { Menu, MenuItem } from "../ui/Menu";
import { number } from "../ui/words";
import { useSession } from "./queries";
import { type Theme, theme } from "./theme";
import { useFrame } from "./useFrame";

/** The links of the side bar, and of the menu on narrow screens. */
export function Navigation({ running, onGoTo }: { running: number; onGoTo: () => void }) {
  const { username } = useSession();
  const { isAdministrator, collectionCount } = useFrame();
  return (
    <>
      <button type="button" className="goto" onClick={onGoTo}>
        <Search {...SMALL} /> <span className="grow">Go to…</span> <kbd>Ctrl K</kbd>
      </button>
      <Link to="/search"><Search {...SMALL} /> Search</Link>
      <Link to="/collections">
        <Library {...SMALL} /> Collections
        {collectionCount !== undefined && <span className="n">{number(collectionCount)}</span>}
      </Link>
      {username && (
        <Link to="/activity">
          <Activity {...SMALL} /> Activity
          {running > 0 && <span className="n running"><span className="live" /> {running} running</span>}
        </Link>
      )}
      <Link to="/lab" search={{}}><FlaskConical {...SMALL} /> Lab</Link>
      <Link to="/api"><Code {...SMALL} /> API</Link>
      {isAdministrator && (
        <>
          <div className="sec">Server</div>
          <Link to="/admin/users"><Users {...SMALL} /> Users</Link>
          <Link to="/admin/audit"><ScrollText {...SMALL} /> Audit log</Link>
          <Link to="/admin/server"><Server {...SMALL} /> Health</Link>
        </>
      )}
      <div className="me">
        <ThemeSwitch />
        {username ? <Account username={username} /> : <Link to="/sign-in" search={{}}><User {...SMALL} /> Sign in</Link>}
      </div>
    </>
  );
}

function Account({ username }: { username: string }) {
  const { keyPrefix } = useSession();
  return (
    <Menu
      className="item-button"
      name={`Account of ${username}`}
      label={<><User {...SMALL} /> <span className="grow clip">{username}</span>{keyPrefix && <span className="badge">key</span>}</>}
    >
      <Link to="/account" className="item" data-close><User {...SMALL} /> Account and sessions</Link>
      <Link to="/account/keys" className="item" data-close><KeyRound {...SMALL} /> API keys</Link>
      {/* The token is removed here whatever the server answers; without an answer the session ends when nobody uses it. */}
      <MenuItem onSelect={() => { session.signOut().catch(() => undefined); }}><LogOut {...SMALL} /> Sign out</MenuItem>
    </Menu>
  );
}

const THEMES: [Theme, string, typeof Sun][] = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
];

function ThemeSwitch() {
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  return (
    <div className="themes" role="group" aria-label="Colours">
      {THEMES.map(([name, words, Icon]) => (
        <button
          key={name}
          type="button"
          aria-label={words}
          title={words}
          aria-pressed={chosen === name}
          onClick={() => { theme.choose(name); }}
        >
          <Icon {...SMALL} />
        </button>
      ))}
    </div>
  );
}
