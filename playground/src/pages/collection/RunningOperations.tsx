import { Link } from "@tanstack/react-router";
import type { OperationRowFragment } from "../../api/generated/graphql";
import { OperationProgress } from "../activity/OperationProgress";
import { OPERATION_WORDS } from "../../ui/Status";

/** What others do with the collection now, or programs, or this user in another window. */
export function RunningOperations({ operations }: { operations: OperationRowFragment[] }) {
  return operations.map((operation) => (
    <section key={operation.id} className="card job" aria-label="Running operation">
      <div className="p stack tight">
        <div className="row wrap">
          <h2 className="grow">
            {OPERATION_WORDS[operation.type]} {operation.user && <span className="muted">by {operation.user.username}</span>}
          </h2>
          <Link to="/activity/$operationId" params={{ operationId: operation.id }} search={{}} className="btn s">Follow</Link>
        </div>
        <OperationProgress operation={operation} />
      </div>
    </section>
  ));
}
