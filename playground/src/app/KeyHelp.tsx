import { Dialog } from "../ui/Dialog";

const KEYS: [string, string][] = [
  ["Ctrl K", "Go to a page, a collection or a document"],
  ["/", "Ask a question"],
  ["↑ ↓", "Move through the passages of a search"],
  ["Enter", "Show the passage"],
  ["o", "Open the passage in its document"],
  ["n  p", "Show the next or the previous passage of the document"],
  ["Esc", "Back to the question; close what is open"],
  ["?", "Show these keys"],
];

export default function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts">
        {KEYS.map(([key, words]) => [<dt key={key}><kbd>{key}</kbd></dt>, <dd key={words}>{words}</dd>])}
      </dl>
    </Dialog>
  );
}
