import { expect, test } from "vitest";
import { problemOfUser } from "../../session/problem";
import { type Step, repeat } from "./repeat";

function calls(...steps: (Step | Error | undefined)[]): () => Promise<Step> {
  return () => {
    const step = steps.shift();
    return step === undefined || step instanceof Error ? Promise.reject(step ?? new Error("one call too many")) : Promise.resolve(step);
  };
}

const refused = (code: string) => problemOfUser([{ message: code, path: ["filter"], code }]);

test("a call is repeated as long as there may be more", async () => {
  await expect(repeat(calls({ done: 500, hasMore: true }, { done: 20, hasMore: false }))).resolves.toBe(520);
});

test("that there was nothing more is no failure", async () => {
  await expect(repeat(calls({ done: 500, hasMore: true }, refused("CONFLICT")))).resolves.toBe(500);
});

test("that there was nothing at all is one, and so is every other refusal", async () => {
  await expect(repeat(calls(refused("CONFLICT")))).rejects.toThrow("CONFLICT");
  await expect(repeat(calls({ done: 500, hasMore: true }, refused("FORBIDDEN")))).rejects.toThrow("FORBIDDEN");
});
