// Bundles the editor into the folder that the argument names, and collects there the licences of what is in the bundle.
// `make page` runs it.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const [OUTPUT] = process.argv.slice(2).map((folder) => resolve(folder));
if (!OUTPUT) throw new Error("name the folder to write into, such as ../webhook/page/static");

const { metafile } = await build({
  absWorkingDir: HERE,
  entryPoints: ["editor.js"],
  outfile: join(OUTPUT, "editor.js"),
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
const folders = new Map();
for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
  const found = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file);
  if (found && bytesInOutput) folders.set(found[0], found[1]);
}
const parts = ["editor.js contains these packages.\n"];
for (const [folder, name] of [...folders].sort()) {
  const { version, license } = JSON.parse(await readFile(join(HERE, folder, "package.json"), "utf8"));
  const file = (await readdir(join(HERE, folder))).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} has no file with its licence`);
  const text = await readFile(join(HERE, folder, file), "utf8");
  parts.push(`${"=".repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(join(OUTPUT, "THIRD-PARTY-LICENSES.txt"), parts.join("\n"));
