import { expect, test } from "vitest";
import { byEnding, folderOf, nameOf, planOf } from "./plan";

const file = (path: string, size = 10) => ({ path, size });

test("what nobody wants to search is left out, with the reason", () => {
  const plan = planOf(
    [file("a.md"), file(".DS_Store"), file("x/__MACOSX/a.md"), file("app/node_modules/x/readme.md"), file("big.pdf", 200), file("a.md")],
    100,
  );
  expect(plan.ready.map(({ path }) => path)).toEqual(["a.md"]);
  expect(plan.skipped.map(({ candidate, reason }) => `${candidate.path}: ${reason}`)).toEqual([
    ".DS_Store: Hidden file or a tool’s own",
    "x/__MACOSX/a.md: Hidden file or a tool’s own",
    "app/node_modules/x/readme.md: Hidden file or a tool’s own",
    "big.pdf: Larger than 100 B",
    "a.md: Chosen twice",
  ]);
});

test("files without text are doubtful, and the same name in two folders is two files", () => {
  const plan = planOf([file("a/photo.PNG"), file("a/note.txt"), file("b/note.txt")], 100);
  expect(plan.doubtful.map(({ path }) => path)).toEqual(["a/photo.PNG"]);
  expect(plan.ready).toHaveLength(2);
});

test("files are counted by their ending", () => {
  expect(byEnding([file("a.pdf"), file("b.PDF", 5), file("Makefile", 1)])).toEqual([
    { ending: "pdf", files: 2, bytes: 15 },
    { ending: "without an ending", files: 1, bytes: 1 },
  ]);
});

test("a path is a folder and a name", () => {
  expect([folderOf("a/b/c.txt"), nameOf("a/b/c.txt"), folderOf("c.txt")]).toEqual(["a/b", "c.txt", ""]);
});
