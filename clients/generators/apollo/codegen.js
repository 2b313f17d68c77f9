/**
 * For `graphql-codegen`.
 *
 * @type {import("@graphql-codegen/plugin-helpers").Types.Config}
 */
export default {
  schema: "../../../schema.graphql",
  documents: "operations/*.graphql",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        scalars: { BigInt: "string", Cursor: "string", DateTime: "string", ID: "string", JSON: "unknown" },
        strictScalars: true,
        futureProofEnums: true,
        useTypeImports: true,
        // Apollo adds it to every selection.
        nonOptionalTypename: true,
        skipTypeNameForRoot: true,
      },
    },
  },
};
