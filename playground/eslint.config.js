import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig([
  globalIgnores(["dist", "src/api/generated"]),
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, reactHooks.configs.flat.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "What people wrote is shown as text.",
        },
        {
          selector: "JSXAttribute[name.name='style'] ObjectExpression > Property > Literal.value",
          message: "What does not change belongs into a style sheet.",
        },
      ],
      // It warns of libraries that a compiler can't work with, and none is used.
      "react-hooks/incompatible-library": "off",
      // GraphiQL hands out its actions as an object of functions, typed as methods.
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
]);
