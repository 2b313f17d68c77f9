import { Link } from "@tanstack/react-router";
import type { OperationRowFragment } from "../../api/generated/graphql";
import { hasEnded } from "../../live/fold";
import { PartsBar } from "../../ui/Progress";
import { OPERATION_WORDS, OperationBadge } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { duration, number } from "../../ui/words";
import { TimeLeft } from "./TimeLeft";
import { queueWords } from "./queue";

interface OperationTableProps {
  operations: OperationRowFragment[];
  withCollection?: boolean;
}

/** Operations, those that run first. */
export function OperationTable({ operations, withCollection = true }: OperationTableProps) {
  const rank = ({ status }: OperationRowFragment) => (status === "PROCESSING" ? 0 : status === "PENDING" ? 1 : 2);
  const sorted = [...operations].sort((a, b) => rank(a) - rank(b));
  return (
    <div className="card table">
      <table>
        <thead>
          <tr>
            <th>What</th>
            {withCollection && <th>Collection</th>}
            <th className="hide-s">By</th>
            <th>Documents</th>
            <th className="hide-s">Passages</th>
            <th>State</th>
            <th className="hide-s">Took</th>
            <th className="hide-s">When</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((operation) => {
            const { id, type, status, totals, collection, user, createdAt, queuePosition } = operation;
            const done = totals.completed + totals.skipped + totals.cancelled;
            return (
              <tr key={id}>
                <td><Link to="/activity/$operationId" params={{ operationId: id }} search={{}}>{OPERATION_WORDS[type]}</Link></td>
                {withCollection && (
                  <td>
                    {collection ? <Link to="/collections/$id/documents" params={{ id: collection.id }} search={{}} className="break">{collection.name}</Link> : <span className="faint">gone</span>}
                  </td>
                )}
                <td className="muted hide-s">{user?.username ?? "the server"}</td>
                <td className="num">
                  {hasEnded(status) ? (
                    <>{number(totals.documents)}{totals.failed > 0 && <span className="warn"> · {number(totals.failed)} failed</span>}</>
                  ) : (
                    <div className="in-table">
                      <PartsBar parts={{ done, failed: totals.failed, working: 0, total: totals.documents }} hasEnded={false} />
                      <span className="small muted">{number(done + totals.failed)} of {number(totals.documents)} <TimeLeft of={operation} /></span>
                    </div>
                  )}
                </td>
                <td className="num muted hide-s">{number(totals.chunks)}</td>
                <td><OperationBadge of={operation} />{queuePosition !== null && <p className="muted small">{queueWords(queuePosition)}</p>}</td>
                <td className="num muted hide-s">{took(operation)}</td>
                <td className="muted hide-s"><Time at={createdAt} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function took({ startedAt, completedAt }: Pick<OperationRowFragment, "startedAt" | "completedAt">): string {
  if (!startedAt) return "";
  return duration((completedAt ? Date.parse(completedAt) : Date.now()) - Date.parse(startedAt));
}
