/** The pages and their addresses. Each page but the search, which comes first, is loaded when it is first opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { SearchPage } from "../pages/search/SearchPage";
import { Broken, Frame, NotFound } from "./Frame";
import { oneOf, params, parseSearch, stringifySearch, text } from "./params";

/** Who may open a page; the others are asked to sign in, or told that it is for administrators. */
export type Needs = "account" | "administrator";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    needs?: Needs;
  }
}

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound, errorComponent: Broken });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/welcome/HomePage"), "HomePage"),
});

const welcome = createRoute({
  getParentRoute: () => root,
  path: "/welcome",
  component: lazyRouteComponent(() => import("../pages/welcome/WelcomePage"), "WelcomePage"),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: params(({ next }) => ({ next: text(next) })),
  component: lazyRouteComponent(() => import("../pages/welcome/SignInPage"), "SignInPage"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: params(({ next, invitation }) => ({ next: text(next), invitation: text(invitation) })),
  component: lazyRouteComponent(() => import("../pages/welcome/RegisterPage"), "RegisterPage"),
});

const newPassword = createRoute({
  getParentRoute: () => root,
  path: "/new-password",
  validateSearch: params(({ token }) => ({ token: text(token) })),
  component: lazyRouteComponent(() => import("../pages/welcome/NewPasswordPage"), "NewPasswordPage"),
});

const search = createRoute({
  getParentRoute: () => root,
  path: "/search",
  validateSearch: params((given) => ({
    q: text(given.q),
    in: text(given.in),
    mode: oneOf(given.mode, ["meaning", "words"]),
    group: oneOf(given.group, ["doc"]),
    min: text(given.min),
    hit: text(given.hit),
  })),
  component: SearchPage,
});

const collections = createRoute({
  getParentRoute: () => root,
  path: "/collections",
  validateSearch: params((given) => ({
    q: text(given.q),
    sort: oneOf(given.sort, ["name"]),
    show: oneOf(given.show, ["mine", "shared", "public"]),
  })),
  component: lazyRouteComponent(() => import("../pages/collections/CollectionsPage"), "CollectionsPage"),
});

const collection = createRoute({
  getParentRoute: () => root,
  path: "/collections/$id",
  component: lazyRouteComponent(() => import("../pages/collection/CollectionLayout"), "CollectionLayout"),
});

const collectionHome = createRoute({
  getParentRoute: () => collection,
  path: "/",
  beforeLoad: ({ params }) => { redirect({ to: "/collections/$id/documents", params, replace: true, throw: true }); },
});

const documents = createRoute({
  getParentRoute: () => collection,
  path: "/documents",
  validateSearch: params((given) => ({
    q: text(given.q),
    status: oneOf(given.status, ["searchable", "working", "failed"]),
    source: text(given.source),
    under: text(given.under),
    sort: oneOf(given.sort, ["name"]),
  })),
  component: lazyRouteComponent(() => import("../pages/collection/DocumentsPage"), "DocumentsPage"),
});

const collectionActivity = createRoute({
  getParentRoute: () => collection,
  path: "/activity",
  component: lazyRouteComponent(() => import("../pages/collection/CollectionActivityPage"), "CollectionActivityPage"),
});

const sources = createRoute({
  getParentRoute: () => collection,
  path: "/sources",
  component: lazyRouteComponent(() => import("../pages/sources/SourcesPage"), "SourcesPage"),
});

const index = createRoute({
  getParentRoute: () => collection,
  path: "/index",
  validateSearch: params((given) => ({ a: text(given.a), b: text(given.b), q: text(given.q) })),
  component: lazyRouteComponent(() => import("../pages/generations/IndexPage"), "IndexPage"),
});

const members = createRoute({
  getParentRoute: () => collection,
  path: "/members",
  component: lazyRouteComponent(() => import("../pages/collection/MembersPage"), "MembersPage"),
});

const settings = createRoute({
  getParentRoute: () => collection,
  path: "/settings",
  component: lazyRouteComponent(() => import("../pages/collection/SettingsPage"), "SettingsPage"),
});

const document_ = createRoute({
  getParentRoute: () => root,
  path: "/collections/$id/documents/$documentId",
  validateSearch: params((given) => ({
    passage: text(given.passage),
    view: oneOf(given.view, ["original", "passages"]),
  })),
  component: lazyRouteComponent(() => import("../pages/document/DocumentPage"), "DocumentPage"),
});

const activity = createRoute({
  getParentRoute: () => root,
  path: "/activity",
  validateSearch: params((given) => ({
    status: oneOf(given.status, ["running", "done", "failed", "stopped"]),
    type: oneOf(given.type, ["adding", "deleting", "reindexing"]),
  })),
  staticData: { needs: "account" },
  component: lazyRouteComponent(() => import("../pages/activity/ActivityPage"), "ActivityPage"),
});

const operation = createRoute({
  getParentRoute: () => root,
  path: "/activity/$operationId",
  validateSearch: params((given) => ({
    show: oneOf(given.show, ["failed", "events", "config"]),
  })),
  component: lazyRouteComponent(() => import("../pages/activity/OperationPage"), "OperationPage"),
});

const lab = createRoute({
  getParentRoute: () => root,
  path: "/lab",
  validateSearch: params((given) => ({ q: text(given.q), a: text(given.a), b: text(given.b), show: text(given.show) })),
  component: lazyRouteComponent(() => import("../pages/lab/ComparePage"), "ComparePage"),
});

const labChunking = createRoute({
  getParentRoute: () => root,
  path: "/lab/chunking",
  validateSearch: params((given) => ({
    doc: text(given.doc),
    upload: text(given.upload),
    text: text(given.text),
    file: text(given.file),
    a: text(given.a),
    b: text(given.b),
  })),
  component: lazyRouteComponent(() => import("../pages/lab/ChunkingPage"), "ChunkingPage"),
});

const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  staticData: { needs: "account" },
  component: lazyRouteComponent(() => import("../pages/account/AccountPage"), "AccountPage"),
});

const keys = createRoute({
  getParentRoute: () => root,
  path: "/account/keys",
  staticData: { needs: "account" },
  component: lazyRouteComponent(() => import("../pages/account/KeysPage"), "KeysPage"),
});

const newKey = createRoute({
  getParentRoute: () => root,
  path: "/account/keys/new",
  validateSearch: params((given) => ({ collection: text(given.collection) })),
  staticData: { needs: "account" },
  component: lazyRouteComponent(() => import("../pages/account/NewKeyPage"), "NewKeyPage"),
});

const users = createRoute({
  getParentRoute: () => root,
  path: "/admin/users",
  validateSearch: params((given) => ({
    q: text(given.q),
    role: oneOf(given.role, ["admin", "member"]),
    show: oneOf(given.show, ["active", "inactive"]),
  })),
  staticData: { needs: "administrator" },
  component: lazyRouteComponent(() => import("../pages/admin/UsersPage"), "UsersPage"),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/admin/audit",
  validateSearch: params((given) => ({
    action: text(given.action),
    result: oneOf(given.result, ["done", "refused"]),
    user: text(given.user),
    collection: text(given.collection),
    since: text(given.since),
    until: text(given.until),
  })),
  staticData: { needs: "administrator" },
  component: lazyRouteComponent(() => import("../pages/admin/AuditPage"), "AuditPage"),
});

const server = createRoute({
  getParentRoute: () => root,
  path: "/admin/server",
  staticData: { needs: "administrator" },
  component: lazyRouteComponent(() => import("../pages/admin/ServerPage"), "ServerPage"),
});

const api = createRoute({
  getParentRoute: () => root,
  path: "/api",
  component: lazyRouteComponent(() => import("../pages/api/ApiPage"), "ApiPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    welcome,
    signIn,
    register,
    newPassword,
    search,
    collections,
    collection.addChildren([collectionHome, documents, sources, index, collectionActivity, members, settings]),
    document_,
    activity,
    operation,
    lab,
    labChunking,
    account,
    keys,
    newKey,
    users,
    audit,
    server,
    api,
  ]),
  // The server writes the path into the document under which it is published.
  basepath: new URL(document.baseURI).pathname,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
