/**
 * Adding files to a collection: four are uploaded at a time, and what is uploaded is handed over for indexing as soon as
 * fifty files or two seconds are together. So indexing runs while uploading does.
 */
import { change } from "../api/ask";
import { AddDocumentsDocument, StopOperationDocument, type UploadCreateInput } from "../api/generated/graphql";
import { Unreachable } from "../api/http";
import { Problem } from "../session/problem";
import { type Store, createStore } from "../store";
import { complaintsOf } from "../ui/useWork";
import { Gate } from "./gate";
import { nameOf } from "./plan";
import { Refused, pause, put } from "./put";
import { createUploads } from "./uploads";
import type { FoundFile } from "./walk";

const AT_ONCE = 4;
const BATCH = 50;
const BATCH_AGE = 2_000;
const PAINT = 250;

export interface Unsent {
  path: string;
  reason: string;
}

/** What is known of a job, and kept over a reload. */
export interface JobState {
  id: string;
  collectionId: string;
  collectionName: string;
  /** Files chosen. */
  total: number;
  bytes: number;
  uploadedBytes: number;
  uploaded: number;
  uploading: number;
  operationIds: string[];
  /** Files that the server did not take. */
  unsent: Unsent[];
  phase: "uploading" | "indexing" | "stopped" | "interrupted";
  waitsFor?: string;
}

export interface JobLimits {
  mutations: number;
  ingestDocuments: number;
}

interface Uploaded {
  path: string;
  uploadId: string;
}

/** Documents of a file that is replaced or sent again keep their uri. */
export interface JobFile extends FoundFile {
  uri?: string;
  meta?: unknown;
}

export class Job {
  readonly state: Store<JobState>;
  readonly #files: JobFile[];
  readonly #limits: JobLimits;
  readonly #stop = new AbortController();
  readonly #loaded = new Map<string, number>();
  #latest: JobState;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #batch: Uploaded[] = [];
  #batchTimer: ReturnType<typeof setTimeout> | undefined;
  #handing: Promise<void> = Promise.resolve();
  #batches = 0;

  constructor(collection: { id: string; name: string }, files: JobFile[], limits: JobLimits) {
    this.#files = files;
    this.#limits = limits;
    this.#latest = {
      id: newId(),
      collectionId: collection.id,
      collectionName: collection.name,
      total: files.length,
      bytes: files.reduce((sum, { file }) => sum + file.size, 0),
      uploadedBytes: 0,
      uploaded: 0,
      uploading: 0,
      operationIds: [],
      unsent: [],
      phase: "uploading",
    };
    this.state = createStore(this.#latest);
  }

  async run(): Promise<void> {
    const gate = new Gate(AT_ONCE);
    const sent: Promise<void>[] = [];
    try {
      for (let from = 0; from < this.#files.length; from += this.#limits.mutations) {
        const group = this.#files.slice(from, from + this.#limits.mutations);
        const inputs = group.map(({ path, file }): UploadCreateInput => ({
          fileName: nameOf(path),
          ...(/^text\/.*charset/.test(file.type) && { contentType: file.type }),
        }));
        // Places are asked for as files move up, not for thousands at once.
        const uploads = await gate.run(() => this.#patiently(() => createUploads(inputs, this.#stop.signal)));
        for (const [index, found] of group.entries()) {
          const { upload, userErrors = [] } = uploads[index] ?? {};
          if (upload) sent.push(gate.run(() => this.#send(found, upload)));
          else this.#refuse(found.path, userErrors.map(({ message }) => message).join(" "));
        }
        await Promise.race([Promise.all(sent), waitFor(() => this.#pending(sent.length) < 2 * AT_ONCE, this.#stop.signal)]);
      }
      await Promise.all(sent);
      this.#hand();
      await this.#handing;
      this.#stop.signal.throwIfAborted();
      this.#update({ phase: "indexing" });
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#giveUp(error);
    }
  }

  /** Stops uploading, and the operations that it started. What is searchable stays. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#batchTimer);
    this.#update({ phase: "stopped", uploading: 0, waitsFor: undefined });
    await stopOperations(this.#latest.operationIds);
  }

  #pending(begun: number): number {
    return begun - this.#latest.uploaded - this.#latest.unsent.length;
  }

  async #send({ path, file }: JobFile, upload: { id: string; url: string }): Promise<void> {
    this.#update({ uploading: this.#latest.uploading + 1 });
    try {
      await put(upload.url, file, (loaded) => { this.#progress(path, loaded); }, {
        waits: (reason) => { if (reason !== this.#latest.waitsFor) this.#update({ waitsFor: reason }); },
        signal: this.#stop.signal,
      });
      this.#progress(path, file.size);
      this.#update({ uploading: this.#latest.uploading - 1, uploaded: this.#latest.uploaded + 1 });
      this.#batch.push({ path, uploadId: upload.id });
      if (this.#batch.length >= Math.min(BATCH, this.#limits.ingestDocuments)) this.#hand();
      else this.#batchTimer ??= setTimeout(() => { this.#hand(); }, BATCH_AGE);
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      this.#update({ uploading: this.#latest.uploading - 1 });
      this.#refuse(path, error instanceof Refused ? error.message : complaintsOf(error).map(({ message }) => message).join(" "));
    }
  }

  #hand(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    this.#batches += 1;
    const name = `${this.#latest.id}-${this.#batches}`;
    this.#handing = this.#handing.then(() => this.#ingest(batch, name)).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#giveUp(error);
    });
  }

  /** Documents that the server rejects are left out, and the others handed over once more. */
  async #ingest(batch: Uploaded[], idempotencyKey: string): Promise<void> {
    const byPath = new Map(this.#files.map((file) => [file.path, file]));
    const documents = batch.map(({ path, uploadId }) => {
      const { uri, meta } = byPath.get(path) ?? {};
      return { content: { uploadId }, fileName: nameOf(path), uri: uri ?? path, ...(meta !== undefined && { meta }) };
    });
    try {
      const input = { collectionId: this.#latest.collectionId, documents, idempotencyKey };
      const { operation } = await this.#patiently(() => change(AddDocumentsDocument, { input }));
      if (operation) this.#update({ operationIds: [...this.#latest.operationIds, operation.id] });
    } catch (error) {
      const rejected = error instanceof Problem ? rejections(error) : new Map<number, string>();
      if (rejected.size === 0) throw error;
      for (const [index, reason] of rejected) this.#refuse(batch[index]?.path ?? "", reason);
      const rest = batch.filter((_, index) => !rejected.has(index));
      if (rest.length > 0) await this.#ingest(rest, `${idempotencyKey}x`);
    }
  }

  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#stop.signal.throwIfAborted();
      try {
        const result = await work();
        if (this.#latest.waitsFor) this.#update({ waitsFor: undefined });
        return result;
      } catch (error) {
        const isPassing = error instanceof Unreachable || (error instanceof Problem && error.isPassing);
        if (!isPassing) throw error;
        this.#update({ waitsFor: error.message });
        await pause((error instanceof Problem ? error.retryAfterMs : undefined) ?? 2_000, this.#stop.signal);
      }
    }
  }

  /** The rest can't be sent: the account may no longer add documents here, or has no space left. */
  #giveUp(error: unknown): void {
    const reason = complaintsOf(error).map(({ message }) => message).join(" ");
    const known = this.#latest.unsent.length + this.#latest.uploaded;
    this.#stop.abort();
    const left = this.#files.length - known;
    this.#update({
      phase: "stopped",
      uploading: 0,
      unsent: [...this.#latest.unsent, ...(left > 0 ? [{ path: `${left} more files`, reason }] : [{ path: "", reason }])],
    });
  }

  #refuse(path: string, reason: string): void {
    this.#update({ unsent: [...this.#latest.unsent, { path, reason }] });
  }

  #progress(path: string, loaded: number): void {
    const before = this.#loaded.get(path) ?? 0;
    this.#loaded.set(path, loaded);
    this.#update({ uploadedBytes: this.#latest.uploadedBytes + loaded - before });
  }

  #update(changes: Partial<JobState>): void {
    this.#latest = { ...this.#latest, ...changes };
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.state.set(this.#latest);
    }, "phase" in changes || "operationIds" in changes ? 0 : PAINT);
  }
}

/** Stops what goes on in the server. An operation that has ended meanwhile can't be stopped, which is as well. */
export async function stopOperations(ids: readonly string[]): Promise<void> {
  await Promise.allSettled(ids.map((id) => change(StopOperationDocument, { id })));
}

/** What the server says about single documents, by their place in the request. */
function rejections(problem: Problem): Map<number, string> {
  const found = new Map<number, string>();
  for (const { message, path } of problem.complaints) {
    const index = path?.[path.indexOf("documents") + 1];
    if (path?.includes("documents") && index !== undefined && /^\d+$/.test(index)) found.set(Number(index), message);
  }
  return found;
}

async function waitFor(condition: () => boolean, signal: AbortSignal): Promise<void> {
  while (!condition()) await pause(50, signal);
}

/** Only browsers with a safe connection make UUIDs. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
