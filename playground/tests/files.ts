/** A folder of thirty files as people have them: twenty-four can be read, six can't, each for its own reason. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";

const TOPICS = ["tides", "sourdough", "bridges", "glaciers", "bees", "trains", "marshes", "bookbinding"];
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

/** What stays text however it is named. */
export const HOSTILE = "<img src=x onerror=alert(1)>.html";

function readable(): Record<string, string> {
  const files: Record<string, string> = {};
  const about = (index: number) => `Somebody wrote down what they saw about ${TOPICS[index % TOPICS.length] ?? ""}, number ${index}.`;
  for (let index = 0; index < 8; index += 1) files[`notes/note-${index}.txt`] = about(index);
  // The same name in another folder is another file.
  for (let index = 0; index < 8; index += 1) files[`letters/note-${index}.txt`] = `A letter. ${about(index)}`;
  for (let index = 0; index < 4; index += 1) files[`pages/page-${index}.md`] = `# ${TOPICS[index] ?? ""}\n\n${about(index)}`;
  for (let index = 0; index < 3; index += 1) {
    files[`mail/mail-${index}.eml`] = `From: a@example.org\nTo: b@example.org\nSubject: ${TOPICS[index] ?? ""}\nContent-Type: text/plain\n\n${about(index)}\n`;
  }
  files[`pages/${HOSTILE}`] =
    "<title>A page</title><p>A lighthouse keeper kept a diary.</p><script>document.title = 'owned'</script><img src=http://trap.example/x.png>";
  return files;
}

const UNREADABLE: Record<string, Uint8Array | string> = {
  "broken.pdf": "%PDF-1.4\nThis is not a PDF at all.",
  "photo.png": Buffer.from(PIXEL, "base64"),
  "empty.txt": "",
  "blank.md": "  \n\n",
  "fake.docx": "PK\u0003\u0004 not really",
  // Names decide nothing for the server: without these bytes it would be a text.
  "song.mp3": Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 0, 0xff, 0xfb, 0x90, 0x44, 0, 0, 0, 0x1f, 0x8b]),
};

export interface Folder {
  path: string;
  remove: () => Promise<void>;
}

export const mixedFolder = () => folder({ ...readable(), ...UNREADABLE });

export async function folder(files: Record<string, Uint8Array | string>): Promise<Folder> {
  const root = await mkdtemp(join(tmpdir(), "docent-folder-"));
  const path = join(root, "Mixed files");
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return { path, remove: () => rm(root, { recursive: true, force: true }) };
}

/** A PDF with lines of text on each page, and so many bytes that no page needs. */
export function pdf(pages: readonly (readonly string[])[], ballast = 0): Buffer {
  const stream = (content: string) => `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, index) => `${5 + 2 * index} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    stream("0".repeat(ballast)),
    ...pages.flatMap((lines, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${6 + 2 * index} 0 R >>`,
      stream(`BT /F1 12 Tf 16 TL 60 780 Td ${lines.map((line) => `(${line}) Tj T*`).join(" ")} ET`),
    ]),
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  return Buffer.from(`${body}xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`);
}

/** An archive of texts, without compression. */
export function zip(files: Record<string, string>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    // Version, flags, method, time, date, checksum, two sizes, length of the name, no extra field.
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(content.length, 14);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt16LE(Buffer.byteLength(name), 22);
    const entry = Buffer.concat([Buffer.from("PK\u0003\u0004"), head, Buffer.from(name), content]);
    // No comment, first disk, no attributes, and where the entry begins.
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\u0001\u0002\u0014\0"), head, tail, Buffer.from(name)]));
    local.push(entry);
    offset += entry.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from("PK\u0005\u0006"), end]);
}
