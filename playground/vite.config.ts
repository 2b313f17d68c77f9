import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip as gzipCompress } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const gzip = promisify(gzipCompress);
const brotli = promisify(brotliCompress);

/** Where `npm run dev` finds the API. */
const server = process.env.DOCENT_URL ?? "http://127.0.0.1:8080";

/** Writes `.gz` and `.br` beside every file that shrinks, so that the server has nothing to compress. */
function precompress(): Plugin {
  // One step below the best, which takes twice the time for 2 % less.
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };
  return {
    name: "precompress",
    apply: "build",
    async writeBundle({ dir = "dist" }) {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      await Promise.all(
        paths.map(async (path) => {
          const raw = await readFile(path);
          const [gz, br] = await Promise.all([gzip(raw, { level: 9 }), brotli(raw, options)]);
          if (gz.length < raw.length) await writeFile(`${path}.gz`, gz);
          if (br.length < raw.length) await writeFile(`${path}.br`, br);
        }),
      );
    },
  };
}

/** Puts the documents that the app and the explorer send beside them: a server that runs only known documents reads them. */
function ownDocuments(): Plugin {
  return {
    name: "own-documents",
    apply: "build",
    async generateBundle() {
      const source = await readFile(new URL("src/api/generated/documents.json", import.meta.url), "utf8");
      this.emitFile({ type: "asset", fileName: "documents.json", source });
    },
  };
}

const LIBRARIES = /node_modules\/(react|react-dom|scheduler|@tanstack\/(?!react-virtual|virtual-core)[^/]+|lucide-react|graphql-ws)\//;
const SHELL = /playground\/src\/(store|api|app|live|session|text|ui|upload|pages\/search)\b|\/sample\/questions\.json$/;
/** Parts of the shell that are loaded when they are first opened. */
const LATER = /\/(main|Palette|KeyHelp|Review|ChooseFiles|Confirm)\.tsx|\.css/;

function isOfFirstPage(id: string): boolean {
  return LIBRARIES.test(id) || (SHELL.test(id) && !LATER.test(id));
}

/** Lets the browser ask for the font of the app's text together with its style, and not after it. */
function preloadFont(): Plugin {
  return {
    name: "preload-font",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_, { filename, bundle }) {
        const font = Object.keys(bundle ?? {}).find((name) => /inter-latin-wght-normal.*\.woff2$/.test(name));
        if (!font || !filename.endsWith("index.html")) return [];
        const attrs = { rel: "preload", as: "font", type: "font/woff2", crossorigin: true, href: `./${font}` };
        return [{ tag: "link", attrs, injectTo: "head" }];
      },
    },
  };
}

export default defineConfig({
  // Relative to the base that each document names, which is where the server is published.
  base: "./",
  plugins: [preloadFont(), ownDocuments(), precompress()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The code editor is one large piece by nature.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: {
      input: ["index.html", "explorer.html"],
      // What the first page needs comes in one piece, and not in thirty.
      output: { codeSplitting: { groups: [{ name: "app", test: isOfFirstPage }] } },
      checks: { bundlerTimings: false },
      onwarn(warning, warn) {
        // "use client" in libraries means nothing here.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
  // The explorer's workers can't be bundled in advance.
  optimizeDeps: { entries: ["index.html"], exclude: ["graphiql/setup-workers/vite", "@graphiql/react/setup-workers/vite"] },
  server: {
    proxy: {
      "/graphql": { target: server, ws: true },
      "/uploads": server,
      "/health": server,
      "/schema.graphql": server,
      "^/documents/.*/content$": server,
    },
  },
  test: { include: ["src/**/*.test.ts", "tests/**/*.test.ts"] },
});
