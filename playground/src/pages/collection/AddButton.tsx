import { type ReactNode, useRef } from "react";
import { intake } from "../../upload/intake";
import { filesOfList } from "../../upload/walk";

/** Opens the system's dialog for files. Folders are dropped, or chosen on the documents page. */
export function AddButton({ collection: { id, name }, children }: { collection: { id: string; name: string }; children: ReactNode }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Documents to add"
        onChange={({ target }) => {
          const files = filesOfList(target.files ?? []);
          target.value = "";
          if (files.length > 0) intake.set({ files, collection: { id, name } });
        }}
      />
      <button type="button" className="btn p" onClick={() => input.current?.click()}>{children}</button>
    </>
  );
}
