import { expect, test } from "vitest";
import type { PassagePiece } from "./passages";
import { startFor, tint } from "./tints";

const TEXT = "One 😀 two. Three four. Five.";
const passage = (index: number, startOffset: number, endOffset: number): PassagePiece => ({
  id: `p${index}`, index, content: "", tokenCount: 1, startOffset, endOffset, headings: [], page: null,
});
/** «One 😀 two.» and « two. Three four.», which overlap, and «Five.». */
const PASSAGES = [passage(0, 0, 10), passage(1, 5, 22), passage(2, 23, 28)];

const whole = (content: string, startOffset = 0) => ({ content, startOffset, endOffset: startOffset + Array.from(content).length });
const told = (pieces: ReturnType<typeof tint>) => pieces.map(({ text, passage, isShared, isChosen }) => [text, passage?.id, isShared, isChosen]);

test("a text is cut where passages begin and end, behind an emoji too", () => {
  expect(told(tint(whole(TEXT), PASSAGES, "p1"))).toEqual([
    ["One 😀", "p0", false, false],
    [" two.", "p0", true, true],
    [" Three four.", "p1", false, true],
    [" ", undefined, false, false],
    ["Five.", "p2", false, false],
  ]);
});

test("a part has the pieces that it has of each passage", () => {
  const part = whole(Array.from(TEXT).slice(8, 25).join(""), 8);
  expect(told(tint(part, PASSAGES, undefined))).toEqual([
    ["o.", "p0", true, false],
    [" Three four.", "p1", false, false],
    [" ", undefined, false, false],
    ["Fi", "p2", false, false],
  ]);
});

test("all of a part is in its pieces", () => {
  expect(tint(whole(TEXT), [], undefined)).toEqual([{ text: TEXT, passage: undefined, isShared: false, isChosen: false }]);
  expect(tint(whole(""), PASSAGES, undefined).map(({ text }) => text).join("")).toBe("");
  expect(tint(whole(TEXT), PASSAGES, undefined).map(({ text }) => text).join("")).toBe(TEXT);
});

test("a passage is read from the one before it", () => {
  expect([startFor(PASSAGES, 0), startFor(PASSAGES, 2), startFor([], 0)]).toEqual([0, 5, 0]);
});
