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
  /** Ends it without a word, as a power cut does. */
  kill: () => Promise<void>;
  /** Starts it again at the same address, with the data that it had. */
  startAgain: () => Promise<void>;
}

const START_TIMEOUT = 120_000;
const STOP_TIMEOUT = 30_000;

/** Starts it with more settings and options, if it is to be started. */
export async function startServer(settings: Record<string, string> = {}, options: string[] = []): Promise<RunningServer> {
  const { DOCENT_URL, DOCENT_BIN } = process.env;
  if (DOCENT_URL) {
    const refuse = () => Promise.reject(new Error("this server belongs to somebody else"));
    return { url: new URL(DOCENT_URL).origin, stop: () => Promise.resolve(), kill: refuse, startAgain: refuse };
  }
  if (!DOCENT_BIN) throw new Error("set DOCENT_URL to a running server, or DOCENT_BIN to the docent binary");

  const dataDir = await mkdtemp(join(tmpdir(), "docent-playground-"));
  const start = (port: string) => launch(DOCENT_BIN, options, { ...settings, DOCENT__DATA_DIR: dataDir, DOCENT__HTTP__PORT: port });
  const remove = () => rm(dataDir, { recursive: true, force: true });
  let running: Launched;
  try {
    running = await start("0");
  } catch (error) {
    await remove();
    throw error;
  }
  const { url } = running;
  return {
    url,
    async stop() {
      await running.end("SIGTERM");
      await remove();
    },
    kill: () => running.end("SIGKILL"),
    async startAgain() {
      running = await start(new URL(url).port);
    },
  };
}

interface Launched {
  url: string;
  end: (signal: "SIGTERM" | "SIGKILL") => Promise<void>;
}

/** Waits until it listens. */
async function launch(binary: string, options: string[], settings: Record<string, string>): Promise<Launched> {
  const server = spawn(binary, ["serve", ...options], { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(server, "exit");

  async function end(signal: "SIGTERM" | "SIGKILL") {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    const timer = setTimeout(() => server.kill("SIGKILL"), STOP_TIMEOUT);
    await ended;
    clearTimeout(timer);
  }

  try {
    const url = await new Promise<string>((resolve, reject) => {
      let output = "";
      const timer = setTimeout(() => { fail("did not start in time"); }, START_TIMEOUT);
      function fail(what: string) {
        clearTimeout(timer);
        reject(new Error(`${binary} ${what}:\n${output}`));
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
    return { url, end };
  } catch (error) {
    await end("SIGTERM");
    throw error;
  }
}
