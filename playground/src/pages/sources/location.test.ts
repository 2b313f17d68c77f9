import { expect, test } from "vitest";
import { lacksSecret, locationOf, startOf, valuesOf } from "./location";

const nothing = { directory: null, web: null, bucket: null };
const files = { include: ["*.md"], exclude: ["old/**"], maxFileBytes: "10485760" };

test("what is empty is left to the server", () => {
  const none = { include: [], exclude: [] };
  expect(locationOf("DIRECTORY", "page", { path: " /srv " })).toEqual({ directory: { path: "/srv", hidden: false, ...none } });
  expect(locationOf("WEB", "page", { url: "https://a.org/" })).toEqual({ web: { start: { page: { url: "https://a.org/" } }, ...none } });
  expect(locationOf("WEB", "urls", { urls: "https://a.org/1\n\nhttps://a.org/2" })).toEqual({ web: { start: { urls: ["https://a.org/1", "https://a.org/2"] }, ...none } });
  expect(locationOf("BUCKET", "page", { bucket: "papers" })).toEqual({ bucket: { bucket: "papers", ...none } });
});

test("the place of a source is the same again when nothing was changed in its form", () => {
  const directory = { path: "/srv", hidden: true, ...files };
  expect(locationOf("DIRECTORY", "page", valuesOf({ ...nothing, directory }))).toEqual({ directory });

  const page = { url: "https://a.org/x", depth: 0, prefix: "https://a.org/" };
  const limits = { maxPages: 50, requestsPerMinute: 6, ...files };
  const web = { page, sitemap: null, urls: null, ...limits };
  expect(locationOf("WEB", startOf(web), valuesOf({ ...nothing, web }))).toEqual({ web: { start: { page }, ...limits } });

  const open = { endpoint: "https://s.org", region: "eu-1", bucket: "papers", prefix: "a/", ...files };
  const bucket = { ...open, accessKeyId: null };
  expect(locationOf("BUCKET", "page", valuesOf({ ...nothing, bucket }))).toEqual({ bucket: open });
});

test("sizes keep every byte", () => {
  const directory = { path: "/srv", hidden: false, ...files, maxFileBytes: "5000001" };
  expect(locationOf("DIRECTORY", "page", valuesOf({ ...nothing, directory })).directory?.maxFileBytes).toBe("5000001");
});

test("a key without its secret is not enough", () => {
  expect(lacksSecret(locationOf("BUCKET", "page", { bucket: "b", accessKeyId: "k" }))).toBe(true);
  expect(lacksSecret(locationOf("BUCKET", "page", { bucket: "b", accessKeyId: "k", secretAccessKey: "s" }))).toBe(false);
  expect(lacksSecret(locationOf("BUCKET", "page", { bucket: "b" }))).toBe(false);
});
