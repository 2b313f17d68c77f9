import { expect, test } from "vitest";
import { operationOfAddress } from "./address";

test("an operation travels in an address", () => {
  const operation = { query: "query A($b: Int) { a(b: $b) } # 1 + 1 = 100 %", variables: '{\n  "b": 1\n}' };
  const hash = `#op=${encodeURIComponent(JSON.stringify(operation))}`;
  expect(operationOfAddress(hash)).toMatchObject(operation);
});

test.each(["", "#", "#op=", "#op=nonsense", "#op=%7B%22query%22%3A1%7D", "#other=1"])("%s has none", (hash) => {
  expect(operationOfAddress(hash)).toBeUndefined();
});
