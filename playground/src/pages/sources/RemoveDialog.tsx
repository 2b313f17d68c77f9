import { useState } from "react";
import { RemoveSourceDocument, type SourceRowFragment } from "../../api/generated/graphql";
import { change } from "../../api/ask";
import { refreshAll } from "../../app/queries";
import { Confirm } from "../../ui/Confirm";
import { say } from "../../ui/toasts";
import { count } from "../../ui/words";
import { KIND_WORDS } from "./words";

export function RemoveDialog({ source: { id, name, kind, documents }, onClose }: { source: SourceRowFragment; onClose: () => void }) {
  const [keeps, setKeeps] = useState(false);
  return (
    <Confirm
      title={`Stop following ${name}?`}
      action="Remove the source"
      run={async () => {
        await change(RemoveSourceDocument, { input: { id, keepDocuments: keeps } });
        refreshAll();
        say(`${name} is being removed`);
      }}
      onClose={onClose}
    >
      <p>{KIND_WORDS[kind].content} are not touched.</p>
      <label className="check">
        <input type="radio" name="documents" checked={!keeps} onChange={() => { setKeeps(false); }} />
        <span>Delete its {count(documents.totalCount, "document")} from the collection</span>
      </label>
      <label className="check">
        <input type="radio" name="documents" checked={keeps} onChange={() => { setKeeps(true); }} />
        <span>Keep them as they are</span>
      </label>
    </Confirm>
  );
}
