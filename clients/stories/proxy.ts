/** A proxy in front of the server that breaks the first WebSocket, as networks do: after its first event, without a word. */
import { type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface Proxy {
  url: string;
  /** How many WebSockets were opened. */
  webSockets: () => number;
  close: () => Promise<void>;
}

export async function startProxy(server: string): Promise<Proxy> {
  const { hostname, port } = new URL(server);
  const sockets = new Set<Socket>();
  let webSockets = 0;

  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isToBreak = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      // Either end may break.
      socket.on("error", () => undefined);
    }
    client.on("data", (data) => {
      if (/^upgrade: websocket/im.test(data.toString("latin1"))) isToBreak = webSockets++ === 0;
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      client.write(data, () => {
        // Frames of the server are neither masked nor compressed.
        if (isToBreak && data.includes('"type":"next"')) client.resetAndDestroy();
      });
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");

  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port.toString()}`,
    webSockets: () => webSockets,
    async close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
      await once(proxy, "close");
    },
  };
}
