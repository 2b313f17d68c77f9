/** Files that were chosen or dropped, until it is clear where they go and that they are wanted. */
import { createStore } from "../store";
import type { FoundFile } from "./walk";

export interface Intake {
  files: FoundFile[];
  /** Absent if they were dropped on a page that belongs to no collection. */
  collection?: { id: string; name: string };
}

export const intake = createStore<Intake | undefined>(undefined);

/** The collection of the page that is shown, if the viewer may add documents to it. */
export const collectionOfPage = createStore<{ id: string; name: string } | undefined>(undefined);
