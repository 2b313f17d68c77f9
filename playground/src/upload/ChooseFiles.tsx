import { useRef } from "react";
import { FileIcon, FolderOpen, SMALL } from "../ui/Icon";
import { intake } from "./intake";
import { filesOfList } from "./walk";

/** Buttons that open the system's dialogs for files and for a folder. */
export function ChooseFiles({ collection }: { collection?: { id: string; name: string } }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  function take(input: HTMLInputElement) {
    const chosen = filesOfList(input.files ?? []);
    input.value = "";
    if (chosen.length > 0) intake.set({ files: chosen, ...(collection && { collection }) });
  }

  return (
    <>
      <input ref={files} type="file" multiple hidden aria-label="Files" onChange={(event) => { take(event.target); }} />
      <input
        ref={(element) => {
          folder.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        hidden
        aria-label="Folder"
        onChange={(event) => { take(event.target); }}
      />
      <button type="button" className="btn s" onClick={() => files.current?.click()}><FileIcon {...SMALL} /> Choose files</button>
      <button type="button" className="btn s" onClick={() => folder.current?.click()}><FolderOpen {...SMALL} /> Choose a folder</button>
    </>
  );
}
