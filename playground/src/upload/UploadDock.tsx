import { useLocation } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { JobLine } from "./JobCard";
import { jobs } from "./jobs";
import "./upload.css";

/** What is being added to other collections than the one on the page. */
export function UploadDock() {
  const all = useSyncExternalStore(jobs.subscribe, jobs.get);
  const path = useLocation({ select: ({ pathname }) => pathname });
  const elsewhere = all.filter(({ state }) => !path.endsWith(`/collections/${state.get().collectionId}/documents`));
  if (elsewhere.length === 0) return null;
  return (
    <aside className="dock" aria-label="Files on their way">
      {elsewhere.map((job) => <JobLine key={job.state.get().id} job={job} />)}
    </aside>
  );
}
