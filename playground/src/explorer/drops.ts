/**
 * Browsers open what is dropped on a page in its place, or in a tab in front of it, unless the page takes it. Here that
 * would end the session and whatever is being watched.
 */

/** Prevents the browser from handling drops, and reports files, which can't be used here. */
export function refuseDrops(page: EventTarget, onFiles: () => void): () => void {
  /** No field accepts files, so they are rejected before an editor can take them for text. */
  function refuseFiles(event: Event) {
    if (!isDrag(event) || !event.dataTransfer?.types.includes("Files")) return;
    refuse(event);
    event.stopPropagation();
    onFiles();
  }

  /** Links and text belong to the field or the editor that takes them, if one does. */
  function refuseRest(event: Event) {
    if (isDrag(event) && !event.defaultPrevented && !takesText(event.target)) refuse(event);
  }

  const kinds = ["dragenter", "dragover", "drop"];
  for (const kind of kinds) {
    page.addEventListener(kind, refuseFiles, { capture: true });
    page.addEventListener(kind, refuseRest);
  }
  return () => {
    for (const kind of kinds) {
      page.removeEventListener(kind, refuseFiles, { capture: true });
      page.removeEventListener(kind, refuseRest);
    }
  };
}

function refuse(event: DragEvent): void {
  event.preventDefault();
  if (event.dataTransfer) event.dataTransfer.dropEffect = "none";
}

function isDrag(event: Event): event is DragEvent {
  return "dataTransfer" in event;
}

function takesText(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
