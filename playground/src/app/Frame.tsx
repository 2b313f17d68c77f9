import { Link, Outlet, useLocation, useMatches } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useState, useSyncExternalStore } from "react";
import { socket } from "../api/ask";
import { DropZone } from "../upload/DropZone";
import { UploadDock } from "../upload/UploadDock";
import { useHotkeys } from "./useHotkeys";
import { Dialog } from "../ui/Dialog";
import { CircleAlert, Lock, MenuIcon, LARGE, SMALL } from "../ui/Icon";
import { Empty } from "../ui/States";
import { Toasts } from "../ui/toasts";
import { Heading } from "./Heading";
import { Navigation } from "./Navigation";
import { useSession } from "./queries";
import type { Needs } from "./router";
import { useFrame, useRunningCount } from "./useFrame";

const Palette = lazy(() => import("./Palette"));
const KeyHelp = lazy(() => import("./KeyHelp"));

/** What is around every page: navigation, drops, uploads in progress, notices. */
export function Frame() {
  const [open, setOpen] = useState<"palette" | "keys">();
  const close = () => { setOpen(undefined); };
  useHotkeys({ palette: () => { setOpen("palette"); }, keys: () => { setOpen("keys"); } });
  const path = useLocation({ select: ({ pathname }) => pathname });
  // The menu closes when one of its links leads elsewhere.
  const [menuAt, setMenuAt] = useState<string>();
  const running = useRunningCount();

  return (
    <div className="app">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        Skip to the content
      </a>
      <nav className="side" aria-label="Main">
        <Brand />
        <Navigation running={running} onGoTo={() => { setOpen("palette"); }} />
      </nav>
      <div className="column">
        <header className="top">
          <button type="button" className="btn ghost icon" aria-label="Open the menu" onClick={() => { setMenuAt(path); }}>
            <MenuIcon {...SMALL} />
          </button>
          <Brand />
          {running > 0 && (
            <Link to="/activity" className="badge a"><span className="live" /> {running} running</Link>
          )}
        </header>
        <Notices />
        <main id="main" tabIndex={-1}>
          <Guarded />
        </main>
      </div>
      {menuAt === path && (
        <Dialog title="Docent" onClose={() => { setMenuAt(undefined); }}>
          <nav className="side in-dialog" aria-label="Menu">
            <Navigation running={running} onGoTo={() => { setMenuAt(undefined); setOpen("palette"); }} />
          </nav>
        </Dialog>
      )}
      <Suspense>
        {open === "palette" && <Palette onClose={close} />}
        {open === "keys" && <KeyHelp onClose={close} />}
      </Suspense>
      <UploadDock />
      <DropZone />
      <Toasts />
    </div>
  );
}

function Brand() {
  return (
    <Link to="/search" className="brand">
      <img src="./mark.svg" width="26" height="26" alt="" /> Docent
    </Link>
  );
}

/** The page, or what has to be done before it can be shown. */
function Guarded() {
  const needs = useMatches({ select: (matches): Needs | undefined => matches.at(-1)?.staticData.needs });
  const { username } = useSession();
  const { viewer, isAdministrator, isPending } = useFrame();
  if (needs && username === undefined) return <SignInFirst />;
  if (needs === "administrator" && !isPending && viewer && !isAdministrator) return <ForAdministrators />;
  return <Suspense><Outlet /></Suspense>;
}

function SignInFirst() {
  const next = useLocation({ select: ({ href }) => href });
  return (
    <>
      <Heading isHidden>Sign in first</Heading>
      <Empty icon={<Lock {...LARGE} />} title="This page belongs to your account">
        <p>Sign in to open it. You come back here afterwards.</p>
        <Link to="/sign-in" search={{ next }} className="btn p">Sign in</Link>
      </Empty>
    </>
  );
}

function ForAdministrators() {
  return (
    <>
      <Heading isHidden>For administrators</Heading>
      <Empty icon={<Lock {...LARGE} />} title="This page is for administrators">
        <p>Ask an administrator of this server if you need something from it.</p>
        <Link to="/search" className="btn">Go to the search</Link>
      </Empty>
    </>
  );
}

/** What is true of the whole app for a while: no connection, an ended session, a full disk. */
function Notices() {
  const isLost = useSyncExternalStore(socket.isLost.subscribe, socket.isLost.get);
  const [isLostForLong, setLostForLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => { setLostForLong(isLost); }, isLost ? 3_000 : 0);
    return () => { clearTimeout(timer); };
  }, [isLost]);
  const { notice } = useSession();
  const { server } = useFrame();
  return (
    <div className="notices" role="status">
      {isLostForLong && (
        <p className="note warn"><CircleAlert {...SMALL} /> The connection to the server is lost. This page continues when it is back.</p>
      )}
      {notice && <p className="note warn"><CircleAlert {...SMALL} /> {notice}</p>}
      {server?.ingestionState === "PAUSED_FOR_SPACE" && (
        <p className="note warn">
          <CircleAlert {...SMALL} /> New documents wait: the server’s disk is nearly full. They continue when there is space again.
        </p>
      )}
    </div>
  );
}

export function NotFound() {
  return (
    <>
      <Heading isHidden>Not found</Heading>
      <Empty icon={<CircleAlert {...LARGE} />} title="There is no page at this address">
        <p>It may have been moved or deleted, or it belongs to somebody who has not shared it with you.</p>
        <Link to="/search" className="btn">Go to the search</Link>
      </Empty>
    </>
  );
}

export function Broken({ error }: { error: unknown }) {
  return (
    <Empty icon={<CircleAlert {...LARGE} />} title="This page stopped working">
      <p>{error instanceof Error ? error.message : "Nothing more is known."}</p>
      <button type="button" className="btn" onClick={() => { location.reload(); }}>Load it again</button>
    </Empty>
  );
}
