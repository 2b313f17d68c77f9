import { describe, expect, test } from "vitest";
import { type CarriedAnswer, type CarriedIds, fillIn, learn } from "./carried";

const USES_COLLECTION = "query ($collectionId: ID!) { collection(id: $collectionId) { name } }";
const created = (id: string) => ({ collectionCreate: { collection: { id } } });

describe("learning ids", () => {
  test("a created collection and a begun operation are remembered", () => {
    const known = learn(learn({}, created("c1")), { documentsIngest: { operation: { id: "o1" } } });
    expect(known).toEqual({ collectionId: ["c1"], operationId: ["o1"] });
  });

  test("an answer without a new id changes nothing", () => {
    const known: CarriedIds = { collectionId: ["c1"] };
    const another = { collection: { id: "c2" } } as CarriedAnswer;
    const answers = [created("c1"), { collectionCreate: { collection: null } }, { collectionCreate: null }, another, null, undefined];
    for (const data of answers) expect(learn(known, data)).toBe(known);
  });

  test("only the newest twenty ids are kept", () => {
    let known: CarriedIds = {};
    for (let i = 1; i <= 25; i++) known = learn(known, created(`c${i}`));
    expect(known.collectionId).toHaveLength(20);
    expect(known.collectionId?.at(-1)).toBe("c25");
  });
});

describe("filling ids in", () => {
  const known: CarriedIds = { collectionId: ["c1", "c2"], operationId: ["o1"] };
  const valueAfter = (variables: string) => (JSON.parse(fillIn(known, USES_COLLECTION, variables)) as Record<string, unknown>).collectionId;

  test.each([
    ["no variables at all", ""],
    ["a missing variable", "{}"],
    ["null", '{"collectionId": null}'],
    ["an empty text", '{"collectionId": ""}'],
    ["a placeholder", '{"collectionId": "<from step 2>"}'],
    ["an id carried earlier", '{"collectionId": "c1"}'],
  ])("%s is replaced by the newest id", (_, variables) => {
    expect(valueAfter(variables)).toBe("c2");
  });

  test("an id that somebody typed stays, to the letter", () => {
    const variables = '{ "collectionId":"typed" }';
    expect(fillIn(known, USES_COLLECTION, variables)).toBe(variables);
  });

  test("other variables stay", () => {
    const filled = fillIn(known, USES_COLLECTION, '{"collectionId": "", "first": 5}');
    expect(JSON.parse(filled)).toEqual({ collectionId: "c2", first: 5 });
  });

  test("a variable that the query does not use is not touched", () => {
    const variables = '{"collectionId": "", "operationId": ""}';
    expect(JSON.parse(fillIn(known, USES_COLLECTION, variables))).toEqual({ collectionId: "c2", operationId: "" });
    expect(fillIn(known, "query ($collectionIds: [ID!]) { __typename }", variables)).toBe(variables);
  });

  test("text that is not a plain JSON object is left alone", () => {
    for (const variables of ['{ // mine\n "collectionId": "" }', "[", "[]", "null"]) {
      expect(fillIn(known, USES_COLLECTION, variables)).toBe(variables);
    }
  });

  test("nothing is filled in before something was learnt", () => {
    expect(fillIn({}, USES_COLLECTION, '{"collectionId": "<from step 2>"}')).toBe('{"collectionId": "<from step 2>"}');
  });
});
