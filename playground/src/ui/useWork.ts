import { useState } from "react";
import { type Complaint, Problem } from "../session/problem";

export interface Work {
  isBusy: boolean;
  complaints: Complaint[];
  /** Runs it, unless something runs; keeps what goes wrong in `complaints`. */
  run: (task: () => Promise<unknown>) => void;
  clear: () => void;
}

/** Something that a form or a button does, and what went wrong with it. */
export function useWork(): Work {
  const [isBusy, setBusy] = useState(false);
  const [complaints, setComplaints] = useState<Complaint[]>([]);
  return {
    isBusy,
    complaints,
    clear: () => { setComplaints([]); },
    run(task) {
      if (isBusy) return;
      setBusy(true);
      setComplaints([]);
      task()
        .catch((error: unknown) => { setComplaints(complaintsOf(error)); })
        .finally(() => { setBusy(false); });
    },
  };
}

export function complaintsOf(error: unknown): Complaint[] {
  if (error instanceof Problem) return error.complaints;
  return [{ message: error instanceof Error ? error.message : "Something went wrong in this page." }];
}
