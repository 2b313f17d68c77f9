/** A site and a bucket on this machine, for sources to read. */
import { once } from "node:events";
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server has to be allowed to connect to. */
export const HOST = "localhost";

export interface Places {
  /** Without a path. */
  url: string;
  close: () => void;
}

const BUCKET = "papers";
const PAGES: Record<string, string> = {
  "/handbook/": "<title>The handbook</title><p>Read about <a href='lamps'>lamps</a> and <a href='ropes'>ropes</a>.</p>",
  "/handbook/lamps": "<title>Lamps</title><p>A lamp is lit at dusk, and its wick is cut every morning.</p>",
  "/handbook/ropes": "<title>Ropes</title><p>A rope that is wet is dried before it is coiled.</p>",
};
const OBJECTS: Record<string, string> = {
  "charts/harbour.md": "# The harbour\n\nThe channel is marked by two buoys.",
  "charts/reef.md": "# The reef\n\nAt low water the reef is dry.",
  "private/diary.md": "# A diary\n\nNobody reads this.",
};

export async function openPlaces(): Promise<Places> {
  const server = createServer(({ url = "/" }, response) => {
    const { pathname, searchParams } = new URL(url, `http://${HOST}`);
    const page = PAGES[pathname];
    const object = OBJECTS[decodeURIComponent(pathname).slice(`/${BUCKET}/`.length)];
    if (page) send(response, "text/html", page);
    else if (pathname.replace(/\/$/, "") === `/${BUCKET}`) send(response, "application/xml", list(searchParams.get("prefix") ?? ""));
    else if (object) send(response, "text/markdown", object);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://${HOST}:${port}`, close: () => { server.close(); server.closeAllConnections(); } };
}

function send(response: ServerResponse, type: string, content: string): void {
  response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(content), etag: tagOf(content) }).end(content);
}

/** The objects of the bucket, as S3 lists them. */
function list(prefix: string): string {
  const rows = Object.entries(OBJECTS).filter(([key]) => key.startsWith(prefix)).map(([key, content]) =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>` +
    `<ETag>${tagOf(content).replaceAll('"', "&quot;")}</ETag><Size>${Buffer.byteLength(content)}</Size></Contents>`);
  return `<ListBucketResult>${rows.join("")}<IsTruncated>false</IsTruncated></ListBucketResult>`;
}

function tagOf(content: string): string {
  return `"${content.length.toString(16)}"`;
}
