/** The jobs of this window. They go on from page to page, and what is indexed is found again after a reload. */
import { session } from "../api/ask";
import { type Store, createStore } from "../store";
import { Job, type JobFile, type JobLimits, type JobState, stopOperations } from "./job";

const KEY = "docent:jobs";

export interface RunningJob {
  state: Store<JobState>;
  stop: () => Promise<void>;
}

export const jobs = createStore<RunningJob[]>(load());

// The next user of the window must not see what the one before added, nor follow it.
let owner = session.state.get().username;
session.state.subscribe(() => {
  const { username } = session.state.get();
  if (username === owner) return;
  owner = username;
  jobs.set([]);
  keep();
});

export function addFiles(collection: { id: string; name: string }, files: JobFile[], limits: JobLimits): void {
  if (files.length === 0) return;
  const job = new Job(collection, files, limits);
  jobs.set([...jobs.get(), { state: job.state, stop: () => job.stop() }]);
  job.state.subscribe(keep);
  keep();
  void job.run();
}

export function dismiss(id: string): void {
  jobs.set(jobs.get().filter(({ state }) => state.get().id !== id));
  keep();
}

/** Whether leaving the page would lose files that are not sent yet. */
export function isUploading(): boolean {
  return jobs.get().some(({ state }) => state.get().phase === "uploading");
}

addEventListener("beforeunload", (event) => {
  if (isUploading()) event.preventDefault();
});

function keep(): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(jobs.get().map(({ state }) => state.get())));
  } catch {
    // Without storage a reload shows the operations only among the others.
  }
}

function load(): RunningJob[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as JobState[];
    return kept.map((state) => {
      // What had been sent goes on in the server; the files of the rest went with the page.
      const phase = state.phase === "uploading" ? "interrupted" : state.phase;
      const store = createStore<JobState>({ ...state, phase, uploading: 0 });
      const stop = () => {
        store.set({ ...store.get(), phase: "stopped" });
        return stopOperations(store.get().operationIds);
      };
      return { state: store, stop };
    });
  } catch {
    return [];
  }
}
