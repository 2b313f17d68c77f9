/**
 * For `graphql-codegen`.
 *
 * Operations are typed by name (`SearchQuery`), so the types of the whole schema are not needed. `futureProofEnums` adds
 * a value to each enum that stands for those of later servers, so that the compiler asks what to do with them.
 *
 * @type {import("@graphql-codegen/plugin-helpers").Types.Config}
 */
export default {
  schema: "../../schema.graphql",
  documents: "../operations/*.graphql",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: { BigInt: "string", Cursor: "string", DateTime: "string", ID: "string", JSON: "unknown" },
        strictScalars: true,
        futureProofEnums: true,
        useTypeImports: true,
        importExtension: ".js",
      },
    },
  },
};
