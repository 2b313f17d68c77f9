import { expect, test } from "vitest";
import { Gate } from "./gate";

test("so many are inside at once, and they enter in order", async () => {
  const gate = new Gate(2);
  let inside = 0;
  let most = 0;
  const entered: number[] = [];
  await Promise.all(
    [1, 2, 3, 4, 5].map((name) =>
      gate.run(async () => {
        inside += 1;
        most = Math.max(most, inside);
        entered.push(name);
        await Promise.resolve();
        inside -= 1;
      }),
    ),
  );
  expect([most, entered]).toEqual([2, [1, 2, 3, 4, 5]]);
});

test("what fails leaves its place", async () => {
  const gate = new Gate(1);
  await expect(gate.run(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await gate.run(() => Promise.resolve("next"))).toBe("next");
});
