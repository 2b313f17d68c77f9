/** A running Docent for the tests: the one at `DOCENT_URL`, or the binary `DOCENT_BIN` with an empty data directory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunningServer {
  /** Without a path, `http://127.0.0.1:8080`. */
  url: string;
  stop: () => Promise<void>;
}

const START_TIMEOUT = 120_000;
const STOP_TIMEOUT = 30_000;

/** Starts it with more settings, if it is to be started. */
export async function startServer(settings: Record<string, string> = {}): Promise<RunningServer> {
  const { DOCENT_URL, DOCENT_BIN } = process.env;
  if (DOCENT_URL) return { url: new URL(DOCENT_URL).origin, stop: () => Promise.resolve() };
  if (!DOCENT_BIN) throw new Error("set DOCENT_URL to a running server, or DOCENT_BIN to the docent binary");

  const dataDir = await mkdtemp(join(tmpdir(), "docent-playground-"));
  const server = spawn(DOCENT_BIN, ["serve"], {
    env: { ...process.env, ...settings, DOCENT__DATA_DIR: dataDir, DOCENT__HTTP__PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(server, "exit");

  async function stop() {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGTERM");
      const timer = setTimeout(() => server.kill("SIGKILL"), STOP_TIMEOUT);
      await ended;
      clearTimeout(timer);
    }
    await rm(dataDir, { recursive: true, force: true });
  }

  try {
    const url = await new Promise<string>((resolve, reject) => {
      let output = "";
      const timer = setTimeout(() => { fail("did not start in time"); }, START_TIMEOUT);
      function fail(what: string) {
        clearTimeout(timer);
        reject(new Error(`${DOCENT_BIN} ${what}:\n${output}`));
      }
      function read(chunk: Buffer) {
        output += chunk.toString();
        const found = /listening on (http:\/\/\S+)\s/.exec(output)?.[1];
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      }
      server.stdout.on("data", read);
      server.stderr.on("data", read);
      server.on("error", (error) => { fail(`could not be started (${error.message})`); });
      server.on("exit", (code) => { fail(`ended with ${code ?? "a signal"}`); });
    });
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
