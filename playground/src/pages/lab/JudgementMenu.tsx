import { useRef, useSyncExternalStore } from "react";
import { Download, SMALL, Upload } from "../../ui/Icon";
import { Menu, MenuItem } from "../../ui/Menu";
import { save } from "../../ui/save";
import { attempt } from "../../ui/toasts";
import { count } from "../../ui/words";
import { addJudgements, judgements } from "./judgements";
import { readQrels, writeQrels } from "./qrels";

/** Takes the user's marks along as a file, and reads them from one. */
export function JudgementMenu() {
  const file = useRef<HTMLInputElement>(null);
  const all = useSyncExternalStore(judgements.subscribe, judgements.get);
  const number = Object.values(all).reduce((sum, grades) => sum + Object.keys(grades).length, 0);

  async function read(chosen: File) {
    addJudgements(readQrels(await chosen.text()));
  }

  return (
    <>
      <Menu label={count(number, "mark")}>
        <MenuItem onSelect={() => { save("qrels.tsv", new Blob([writeQrels(all)], { type: "text/tab-separated-values" })); }}><Download {...SMALL} /> Save as qrels.tsv</MenuItem>
        <MenuItem onSelect={() => { file.current?.click(); }}><Upload {...SMALL} /> Add from a file</MenuItem>
      </Menu>
      <input
        ref={file}
        type="file"
        accept=".tsv,.txt"
        hidden
        aria-label="A file with marks"
        onChange={({ target }) => {
          const chosen = target.files?.[0];
          if (chosen) attempt(read(chosen), "Marks added");
          target.value = "";
        }}
      />
    </>
  );
}
