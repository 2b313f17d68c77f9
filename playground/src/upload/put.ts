/** Sends one file. XMLHttpRequest, because `fetch` does not tell how much was sent. */
import { authorization, session } from "../api/ask";

export class Refused extends Error {}

export interface Patience {
  /** Says why a file waits; nothing when it goes on. */
  waits: (reason: string | undefined) => void;
  signal: AbortSignal;
}

const PAUSE = 2_000;

/** Sends it until the server has it. Throws `Refused` for what this file can't be helped with. */
export async function put(
  url: string,
  file: Blob,
  onProgress: (loaded: number) => void,
  { waits, signal }: Patience,
): Promise<void> {
  let isRenewed = false;
  for (;;) {
    const headers = await authorization().catch(() => undefined);
    const { status, retryAfter, message } = headers ? await send(url, file, headers, onProgress, signal) : NO_ANSWER;
    if (status >= 200 && status < 300) {
      waits(undefined);
      return;
    }
    if (status === 401 && !isRenewed && session.distrust()) {
      isRenewed = true;
    } else if (status === 429 || status === 503) {
      const seconds = retryAfter > 0 ? retryAfter : 2;
      waits(`The server asks to wait ${seconds} s`);
      await pause(seconds * 1000, signal);
    } else if (status === 0) {
      waits("The server can’t be reached. The upload goes on when it is back");
      await pause(PAUSE, signal);
    } else {
      throw new Refused(message ?? `The server did not take the file (status ${status}).`);
    }
  }
}

interface Outcome {
  /** 0: no answer. */
  status: number;
  /** Seconds. */
  retryAfter: number;
  message: string | undefined;
}

const NO_ANSWER: Outcome = { status: 0, retryAfter: 0, message: undefined };

function send(
  url: string,
  file: Blob,
  headers: Record<string, string>,
  onProgress: (loaded: number) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => { request.abort(); };
    const finish = (status: number) => {
      signal.removeEventListener("abort", abort);
      resolve({
        status,
        retryAfter: status === 0 ? 0 : Number(request.getResponseHeader("retry-after")) || 0,
        message: messageOf(request.responseText),
      });
    };
    request.open("PUT", new URL(url, document.baseURI));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => { onProgress(loaded); };
    request.onload = () => { finish(request.status); };
    request.onerror = () => { finish(0); };
    request.onabort = () => { reject(new DOMException("Stopped", "AbortError")); };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else request.send(file);
    if (signal.aborted) reject(new DOMException("Stopped", "AbortError"));
  });
}

function messageOf(text: string): string | undefined {
  try {
    const answer = JSON.parse(text) as { errors?: { message?: string }[]; message?: string };
    return answer.errors?.[0]?.message ?? answer.message;
  } catch {
    return undefined;
  }
}

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("Stopped", "AbortError"));
    }, { once: true });
  });
}
