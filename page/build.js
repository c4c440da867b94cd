// Bundles the editor, and collects the licences of what is in the bundle. `make page` runs it after `npm ci`.
// An argument names another folder for what it writes.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const FOLDER = resolve(process.argv[2] ?? join(HERE, "../webhook/page/static"));

const { metafile } = await build({
  absWorkingDir: HERE,
  entryPoints: ["editor.js"],
  outfile: join(FOLDER, "editor.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  banner: { js: "// Made by `make page` from page/editor.js. The licences are in THIRD-PARTY-LICENSES.txt." },
  metafile: true,
  logLevel: "warning",
});

const [output] = Object.values(metafile.outputs);
const names = new Set();
for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file);
  if (found && bytesInOutput) names.add(found[1]);
}
const parts = ["editor.js contains these packages.\n"];
for (const name of [...names].sort()) {
  const folder = new URL(`node_modules/${name}/`, import.meta.url);
  const { version, license } = JSON.parse(await readFile(new URL("package.json", folder), "utf8"));
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} has no file with its licence`);
  const text = await readFile(new URL(file, folder), "utf8");
  parts.push(`${"=".repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(join(FOLDER, "THIRD-PARTY-LICENSES.txt"), parts.join("\n"));
