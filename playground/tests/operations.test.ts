/** The saved operations against the schema of the server. */
import { readFileSync } from "node:fs";
import { buildSchema, getOperationAST, getVariableValues, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import { chapters, savedOperations } from "../src/explorer/walk/operations";

const schema = buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"));

test("each has its own name, and they are numbered in their order", () => {
  expect(new Set(savedOperations.map(({ name }) => name)).size).toBe(savedOperations.length);
  const numbers = savedOperations.map(({ query }) => Number(/^# (\d+)\. /.exec(query)?.[1]));
  expect(numbers).toEqual(savedOperations.map((_, index) => index + 1));
});

test("the guide has all of them", () => {
  expect(chapters.flatMap(({ operations }) => operations)).toEqual(savedOperations);
});

describe.each(savedOperations)("$name", ({ query, variables }) => {
  const document = parse(query);

  test("is valid", () => {
    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
  });

  test("has variables that fit, and all of them", () => {
    const definitions = getOperationAST(document)?.variableDefinitions ?? [];
    const values = JSON.parse(variables) as Record<string, unknown>;
    expect(getVariableValues(schema, definitions, values).errors).toBeUndefined();
    const names = definitions.map((definition) => definition.variable.name.value);
    expect(names).toEqual(expect.arrayContaining(Object.keys(values)));
  });

  test("begins with two lines of comment that fit the editor", () => {
    const comment = query.split("\n").filter((line) => line.startsWith("# "));
    expect(comment).toHaveLength(2);
    for (const line of comment) expect(line.length).toBeLessThanOrEqual(54);
  });
});
