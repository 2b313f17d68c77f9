/** The files of a drop, a paste or a choice, with the paths of their folders. */

export interface FoundFile {
  /** Relative to what was dropped: `letters/1987/may.txt`. */
  path: string;
  file: File;
}

/**
 * Everything that was dropped, folders included. The entries are taken before anything else, because a drop can be read
 * only while it is handled.
 */
export async function filesOfDrop(data: DataTransfer): Promise<FoundFile[]> {
  const entries = Array.from(data.items).flatMap((item) => (item.kind === "file" ? (item.webkitGetAsEntry() ?? []) : []));
  if (entries.length === 0) return filesOfList(data.files);
  const found: FoundFile[] = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

/** What a file field has; a folder field gives each file its path. */
export function filesOfList(list: Iterable<File>): FoundFile[] {
  return Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function walk(entry: FileSystemEntry, found: FoundFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => { (entry as FileSystemFileEntry).file(resolve, reject); });
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A browser gives a folder in parts, Chromium a hundred entries at a time; the last part is empty.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (part.length === 0) return;
    for (const child of part) await walk(child, found);
  }
}
