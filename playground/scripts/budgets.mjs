// Fails when the app has become heavier than it may be. Sizes are those of the brotli files beside the built ones, in KB of
// 1024 bytes, as a browser receives them.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const assets = join(dist, "assets");

function size(path) {
  return statSync(existsSync(`${path}.br`) ? `${path}.br` : path).size / 1024;
}

/** The files that a document asks for by itself. */
function firstLoad(html) {
  const text = readFileSync(join(dist, html), "utf8");
  return [...text.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path);
}

const first = firstLoad("index.html");
const ofExplorer = new Set(firstLoad("explorer.html"));
const sum = (ending) => first.filter((path) => path.endsWith(ending)).reduce((total, path) => total + size(join(dist, path)), 0);

const rows = [
  ["JavaScript of the first load", sum(".js"), 190],
  ["style of the first load", sum(".css"), 14],
  ["fonts of the first load", sum(".woff2"), 49],
];
const files = readdirSync(assets).filter((name) => name.endsWith(".js") || name.endsWith(".mjs"));
// The explorer's editor loads a hundred pieces, which no page of the app asks for.
const pages = files.filter((name) => /(Page|Layout|Palette|Review|UseInCode|CodeTabs)-/.test(name));
for (const name of pages) rows.push([name, size(join(assets, name)), 40]);
const pdf = files.filter((name) => /^(PdfView|pdf\.worker)/.test(name)).reduce((total, name) => total + size(join(assets, name)), 0);
rows.push(["PDF viewer with its worker", pdf, 400]);
const explorer = files.filter((name) => ofExplorer.has(`assets/${name}`) || /^(monaco-editor|graphql\.worker|json\.worker|editor\.worker)/.test(name));
rows.push(["explorer with its workers", explorer.reduce((total, name) => total + size(join(assets, name)), 0), 1350]);

const exceeded = rows.filter(([, is, limit]) => is > limit);
for (const [name, is, limit] of rows.slice(0, 3).concat(rows.slice(-2))) {
  process.stdout.write(`${name}: ${is.toFixed(1)} of ${limit} KB\n`);
}
for (const [name, is, limit] of exceeded) process.stderr.write(`Too heavy: ${name} has ${is.toFixed(1)} KB, and may have ${limit}.\n`);
process.exitCode = exceeded.length > 0 ? 1 : 0;
