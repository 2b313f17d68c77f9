import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { PartsBar, Sparkline, Figure } from "../ui/Progress";
import { attempt } from "../ui/toasts";
import { count, number, size } from "../ui/words";
import { type RunningJob, dismiss } from "./jobs";
import { type JobView, useJob } from "./useJob";

/** Files on their way into a collection: how far, how fast, how long. */
export function JobCard({ job }: { job: RunningJob }) {
  const view = useJob(job);
  const { searchable, failed, unchanged, working, waiting, total, unsent, waitsFor } = view;
  return (
    <section className="card job" aria-label="Adding files" data-phase={view.hasEnded ? "ended" : view.phase}>
      <div className="p stack tight">
        <div className="row wrap">
          <h2 className="grow">{titleOf(view)}</h2>
          <span className="muted num">{speedOf(view)}</span>
          {view.hasEnded ? (
            <button type="button" className="btn s" onClick={() => { dismiss(view.id); }}>Close</button>
          ) : (
            view.phase !== "interrupted" && view.phase !== "stopped" && (
              <button type="button" className="btn s" onClick={() => { attempt(job.stop(), "Stopped. What is searchable stays."); }}>Stop</button>
            )
          )}
        </div>
        <PartsBar parts={{ done: searchable + unchanged, failed, working, total }} hasEnded={view.hasEnded} />
        <div className="figures">
          <Figure value={number(searchable)} label="searchable" />
          {unchanged > 0 && <Figure value={number(unchanged)} label="unchanged" />}
          <Figure value={number(failed)} label="failed" tone={failed > 0 ? "bad" : ""} />
          {!view.hasEnded && <Figure value={number(working)} label="working" />}
          {!view.hasEnded && <Figure value={number(waiting)} label="waiting" />}
          {!view.hasEnded && <span className="hide-s"><Sparkline values={view.spark} label="Files per second in the last 30 seconds" /></span>}
        </div>
        {view.phase === "uploading" && (
          <p className="muted num small">
            {number(view.uploaded)} of {count(view.total, "file")} uploaded · {size(view.uploadedBytes)} of {size(view.bytes)}
          </p>
        )}
        {waitsFor && <p className="warn small" role="status">{waitsFor}</p>}
        {view.phase === "interrupted" && (
          <p className="warn small">The page was left before all files were sent. Add the folder again: what is here already is recognised.</p>
        )}
        {unsent.length > 0 && (
          <ul className="unsent small">
            {unsent.slice(0, 8).map(({ path, reason }) => <li key={path}><strong className="break">{path}</strong> {reason}</li>)}
            {unsent.length > 8 && <li className="muted">and {unsent.length - 8} more</li>}
          </ul>
        )}
      </div>
    </section>
  );
}

/** How long the corner shows what is done, in milliseconds. */
const SHOWN = 6_000;

/** The same in a line, in the corner of the other pages. */
export function JobLine({ job }: { job: RunningJob }) {
  const view = useJob(job);
  const { id, hasEnded, searchable, unchanged, failed, working, total } = view;
  const isDone = hasEnded && failed === 0;
  // What went well needs nobody's hand to leave.
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => { dismiss(id); }, SHOWN);
    return () => { clearTimeout(timer); };
  }, [isDone, id]);

  return (
    <section className="card dock-card" aria-label={`Adding files to ${view.collectionName}`}>
      <div className="row">
        <Link to="/collections/$id/documents" params={{ id: view.collectionId }} search={{}} className="grow clip">
          {view.collectionName}
        </Link>
        <span className="muted small num">{number(searchable + unchanged + failed)} of {number(total)}</span>
        {hasEnded && (
          <button type="button" className="btn s" onClick={() => { dismiss(id); }}>Close</button>
        )}
      </div>
      <PartsBar parts={{ done: searchable + unchanged, failed, working, total }} hasEnded={hasEnded} />
      <span className="small muted">{hasEnded ? titleOf(view) : speedOf(view)}</span>
    </section>
  );
}

export function titleOf({ hasEnded, phase, searchable, failed, unchanged, total }: JobView): string {
  if (phase === "stopped") return "Stopped";
  if (!hasEnded) return `Adding ${count(total, "file")}`;
  const parts = [(searchable > 0 || unchanged + failed === 0) && `${number(searchable)} searchable`, unchanged > 0 && `${number(unchanged)} unchanged`, failed > 0 && `${number(failed)} failed`];
  return parts.filter(Boolean).join(", ");
}

function speedOf({ hasEnded, searchable, unchanged, failed, total, speed, timeLeft }: JobView): string {
  if (hasEnded) return count(total, "file");
  const parts = [
    `${number(searchable + unchanged + failed)} of ${number(total)}`,
    speed >= 0.05 && `${speed.toFixed(1)} files/s`,
    timeLeft,
  ];
  return parts.filter(Boolean).join(" · ");
}
