import { Suspense, lazy, useEffect, useState, useSyncExternalStore } from "react";
import { useSession } from "../app/queries";
import { LARGE, Upload } from "../ui/Icon";
import { say } from "../ui/toasts";
import { collectionOfPage, intake } from "./intake";
import { type FoundFile, filesOfDrop, filesOfList } from "./walk";

const Review = lazy(() => import("./Review"));

/** Takes files that are dropped or pasted anywhere. A browser would open them in place of the page. */
export function DropZone() {
  const [isOver, setOver] = useState(false);
  const { username } = useSession();
  const taken = useSyncExternalStore(intake.subscribe, intake.get);
  const target = useSyncExternalStore(collectionOfPage.subscribe, collectionOfPage.get);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const take = (files: FoundFile[]) => {
      if (files.length === 0) return;
      if (username === undefined) say("Sign in to add files.", undefined, true);
      else intake.set({ files, collection: collectionOfPage.get() });
    };
    function onDrag(event: DragEvent) {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      setOver(true);
      // A drag that leaves the window, or ends outside, is not told.
      clearTimeout(timer);
      timer = setTimeout(() => { setOver(false); }, 300);
    }
    function onDrop(event: DragEvent) {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      clearTimeout(timer);
      setOver(false);
      filesOfDrop(event.dataTransfer).then(take, () => { say("The folder could not be read.", undefined, true); });
    }
    function onPaste(event: ClipboardEvent) {
      const files = event.clipboardData?.files;
      if (!files?.length) return;
      event.preventDefault();
      take(filesOfList(files));
    }
    addEventListener("dragenter", onDrag);
    addEventListener("dragover", onDrag);
    addEventListener("drop", onDrop);
    addEventListener("paste", onPaste);
    return () => {
      removeEventListener("dragenter", onDrag);
      removeEventListener("dragover", onDrag);
      removeEventListener("drop", onDrop);
      removeEventListener("paste", onPaste);
      clearTimeout(timer);
    };
  }, [username]);

  return (
    <>
      {isOver && (
        <div className="drop-over" aria-hidden="true">
          <Upload {...LARGE} />
          <strong>{target ? `Add to ${target.name}` : "Add to a collection"}</strong>
        </div>
      )}
      <Suspense>{taken && <Review key={taken.files.length} intake={taken} />}</Suspense>
    </>
  );
}
