import { Problem } from "../../session/problem";

export interface Step {
  /** How many documents the call was about. */
  done: number;
  /** Whether there may be more for another call. */
  hasMore: boolean;
}

/** Repeats a call that takes some hundreds of documents until there are no more. Returns how many there were in all. */
export async function repeat(call: () => Promise<Step>): Promise<number> {
  let done = 0;
  for (;;) {
    try {
      const step = await call();
      done += step.done;
      if (!step.hasMore) return done;
    } catch (error) {
      // There might have been more, and there were none.
      if (done > 0 && isConflict(error)) return done;
      throw error;
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof Problem && error.complaints.some(({ code }) => code === "CONFLICT");
}
