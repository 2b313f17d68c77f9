/** `schema.graphql` follows the rules of two linters and some of our own, and keeps what the last release promised. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kind, buildSchema, concatAST, parse, print, validate } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { breaks } from "./changes";
import { KNOWN, OFF, deprecations, eslint, nodes, schemaLinter } from "./lint";

const root = join(import.meta.dirname, "../..");
const path = join(root, "schema.graphql");
const text = readFileSync(path, "utf8");
const schema = buildSchema(text);
/** The schema of the last release. There is none before the first. */
const releasedPath = join(root, "schema.released.graphql");

describe("linters", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "docent-schema-"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function written(content: string): string {
    const file = join(folder, "schema.graphql");
    writeFileSync(file, content);
    return file;
  }

  test("@graphql-eslint finds nothing but what is known", { timeout: 60_000 }, async () => {
    const byText = (a: { message: string }, b: { message: string }) => a.message.localeCompare(b.message);
    expect((await eslint(path)).toSorted(byText)).toEqual(KNOWN.toSorted(byText));
  });

  test("each rule that is off has its reason", () => {
    for (const [rule, reason] of Object.entries(OFF)) expect(reason, rule).toMatch(/^\S.{20,}\.$/);
  });

  test("@graphql-eslint finds a fault", { timeout: 60_000 }, async () => {
    const findings = await eslint(written('"""\nA query.\n"""\ntype Query {\n  """\n  One.\n  """\n  getThings: [Int]!\n}\n'));
    expect(findings.map(({ rule }) => rule)).toContain("naming-convention");
  });

  test("graphql-schema-linter finds nothing", { timeout: 60_000 }, async () => {
    expect(await schemaLinter(path)).toEqual([]);
  });

  test("graphql-schema-linter finds a fault", { timeout: 60_000 }, async () => {
    const findings = await schemaLinter(written("type Query { b: Int, a: Int }"));
    expect(findings.map(({ rule }) => rule)).toContain("type-fields-sorted-alphabetically");
  });
});

describe("rules of our own", () => {
  test("what has an id is found by `node`", () => {
    // An upload is a place that is filled and used once; there is nothing to read.
    expect(nodes(schema)).toEqual(["Upload"]);
    expect(nodes(buildSchema("type Query { user: User } type User { id: ID! }"))).toEqual(["User"]);
  });

  test("a deprecation says since when", () => {
    expect(deprecations(schema)).toEqual([]);
    const deprecated = (reason: string) => buildSchema(`type Query { user: Int @deprecated(reason: "${reason}") }`);
    expect(deprecations(deprecated("Use `viewer`. Since 2026-12-01."))).toEqual([]);
    expect(deprecations(deprecated("Use `viewer`."))).toEqual(["Query.user"]);
  });

  test("the operations of the client in Rust are valid", () => {
    const folders = ["rust/operations", "rust/examples/operations"].map((name) => join(root, "clients", name));
    const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
    expect(files.length).toBeGreaterThan(5);
    const documents = files.map((file) => parse(readFileSync(file, "utf8")));
    expect(validate(schema, concatAST(documents))).toEqual([]);
  });
});

describe("changes since the last release", () => {
  test.skipIf(!existsSync(releasedPath))("break no client", () => {
    expect(breaks(buildSchema(readFileSync(releasedPath, "utf8")), schema)).toEqual([]);
  });

  const RELEASED = `
    type Query { find(text: String!, kind: Kind, order: Order = ASC): Hit, status: Status! }
    type Hit { rank: Int!, kind: Kind! }
    "What was found. New values may be added."
    enum Kind { CHUNK DOCUMENT }
    "The order of hits."
    enum Order { ASC DESC }
    "How the server is."
    enum Status { GOOD BAD }
  `;

  function breaksWith(from: string, to: string): string[] {
    expect(RELEASED).toContain(from);
    return breaks(buildSchema(RELEASED), buildSchema(RELEASED.replace(from, to)));
  }

  test.each([
    ["a field is gone", ", kind: Kind! }", " }"],
    ["a field may be null", "rank: Int!", "rank: Int"],
    ["an argument has to be given", "kind: Kind,", "kind: Kind!,"],
    ["an argument has another default", "order: Order = ASC", "order: Order = DESC"],
    ["a value of an enum is gone", "CHUNK DOCUMENT", "DOCUMENT"],
    ["a closed enum has one more value", "GOOD BAD", "GOOD BAD UGLY"],
  ])("are found when %s", (_, from, to) => {
    expect(breaksWith(from, to)).toEqual([expect.any(String)]);
  });

  test.each([
    ["a field", "rank: Int!", "rank: Int!, score: Float!"],
    ["an argument that may be left out", "text: String!", "text: String!, first: Int"],
    ["a value of an enum that says so", "CHUNK DOCUMENT", "CHUNK DOCUMENT COLLECTION"],
    ["a value of an enum that only clients send", "ASC DESC", "ASC DESC RANDOM"],
  ])("are fine when they add %s", (_, from, to) => {
    expect(breaksWith(from, to)).toEqual([]);
  });

  test("are found in the whole schema", () => {
    expect(breaks(schema, schema)).toEqual([]);
    const { definitions } = parse(text);
    const without = definitions.filter((definition) => !("name" in definition) || definition.name?.value !== "Subscription");
    const smaller = print({ kind: Kind.DOCUMENT, definitions: without }).replace("subscription: Subscription", "");
    expect(breaks(schema, buildSchema(smaller))).toEqual(["Subscription was removed."]);
  });
});
