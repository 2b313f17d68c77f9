import type { OperationRowFragment } from "../../api/generated/graphql";
import { leftWords } from "../../live/fold";
import { useNow } from "../../ui/useNow";
import { absolute } from "../../ui/words";

/** How long the server expects an operation to go on, with the exact time in its title. */
export function TimeLeft({ of: { estimatedCompletionAt } }: { of: Pick<OperationRowFragment, "estimatedCompletionAt"> }) {
  const now = useNow(estimatedCompletionAt !== null);
  if (estimatedCompletionAt === null) return null;
  const words = leftWords((Date.parse(estimatedCompletionAt) - now) / 1000);
  return words && <time className="muted num" dateTime={estimatedCompletionAt} title={`Done about ${absolute(estimatedCompletionAt)}`}>{words}</time>;
}
