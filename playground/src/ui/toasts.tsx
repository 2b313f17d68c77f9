import { useSyncExternalStore } from "react";
import { createStore } from "../store";
import { complaintsOf } from "./useWork";
import { SMALL, X } from "./Icon";

interface Toast {
  id: number;
  text: string;
  isBad: boolean;
  action?: { label: string; run: () => void };
}

const SHOWN = 6_000;

const toasts = createStore<Toast[]>([]);
let count = 0;

/** Says something for a moment at the edge of the page. Returns what takes it away. */
export function say(text: string, action?: Toast["action"], isBad = false): () => void {
  count += 1;
  const toast: Toast = { id: count, text, isBad, ...(action && { action }) };
  toasts.set([...toasts.get().slice(-2), toast]);
  const remove = () => { toasts.set(toasts.get().filter(({ id }) => id !== toast.id)); };
  setTimeout(remove, isBad ? SHOWN * 2 : SHOWN);
  return remove;
}

export function sayProblem(error: unknown): void {
  say(complaintsOf(error).map(({ message }) => message).join(" "), undefined, true);
}

/** Runs something whose only sign of failure is a toast. */
export function attempt(work: Promise<unknown>, done?: string): void {
  work.then(() => { if (done) say(done); }, sayProblem);
}

export function Toasts() {
  const shown = useSyncExternalStore(toasts.subscribe, toasts.get);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, isBad, action }) => (
        <div key={id} className={`toast ${isBad ? "bad" : ""}`}>
          <span className="grow break">{text}</span>
          {action && (
            <button
              type="button"
              className="btn s"
              onClick={() => {
                action.run();
                toasts.set(toasts.get().filter((toast) => toast.id !== id));
              }}
            >
              {action.label}
            </button>
          )}
          <button
            type="button"
            className="btn ghost s icon"
            aria-label="Dismiss"
            onClick={() => { toasts.set(toasts.get().filter((toast) => toast.id !== id)); }}
          >
            <X {...SMALL} />
          </button>
        </div>
      ))}
    </div>
  );
}
