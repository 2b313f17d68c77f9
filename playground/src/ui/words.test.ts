import { expect, test } from "vitest";
import { count, duration, kind, relative, size } from "./words";

test.each([[0, "0 B"], [999, "999 B"], [4_100, "4.1 KB"], [250_000, "250 KB"], ["104857600", "105 MB"], [2.5e12, "2.5 TB"]])(
  "%s bytes are %s",
  (bytes, words) => { expect(size(bytes)).toBe(words); },
);

test.each([[0, "just now"], [-30, "30 seconds ago"], [-180, "3 minutes ago"], [-86_400, "yesterday"], [172_800, "in 2 days"]])(
  "%s seconds from now is %s",
  (seconds, words) => { expect(relative(seconds * 1000, 0)).toBe(words); },
);

test.each([[12, "12 ms"], [4_230, "4.2 s"], [200_000, "3 min 20 s"], [7_320_000, "2 h 2 min"]])("%s ms are %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test("one is not many", () => {
  expect([count(1, "passage"), count(1200, "passage"), count(0, "reply", "replies")]).toEqual(["1 passage", "1,200 passages", "0 replies"]);
});

test.each([
  ["application/pdf", "a.pdf", "PDF"],
  ["text/plain; charset=utf-8", "a.txt", "Text"],
  ["image/png", "a.png", "PNG"],
  ["application/octet-stream", "a.xyz", "XYZ"],
  ["application/octet-stream", "README", "File"],
])("%s (%s) is a %s", (type, name, words) => { expect(kind(type, name)).toBe(words); });
