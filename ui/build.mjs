// Builds the console's page into crates/console/assets. The same sources and the same lock file give the same bytes everywhere:
// `--check` builds without writing, and fails if the files in the repository are others.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const assets = fileURLToPath(new URL("../crates/console/assets/", import.meta.url));
/** Packages whose code is in the bundle, and whose licences therefore go with it. */
const BUNDLED = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

async function bundle(entry, name) {
  const { outputFiles } = await build({
    entryPoints: [join(here, "src", entry)],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    charset: "utf8",
    legalComments: "none",
    jsx: "automatic",
    jsxImportSource: "preact",
    // light-dark() of style sheets sets the floor.
    target: ["chrome123", "firefox120", "safari17.5"],
    define: { "process.env.NODE_ENV": '"production"' },
    outfile: name,
  });
  return Buffer.from(outputFiles[0].contents);
}

async function licences() {
  const parts = await Promise.all(
    BUNDLED.map(async (name) => {
      const folder = join(here, "node_modules", name);
      const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
      const text = await readFile(join(folder, "LICENSE"), "utf8");
      return `${name} ${version}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`;
    }),
  );
  return Buffer.from(["The console's page contains:\n", ...parts].join("\n"));
}

const files = {
  "console.css": await bundle("style/console.css", "console.css"),
  "console.js": await bundle("main.tsx", "console.js"),
  "icon.svg": await readFile(join(here, "src", "icon.svg")),
  "index.html": await readFile(join(here, "src", "index.html")),
  "licences.txt": await licences(),
};

if (process.argv.includes("--check")) {
  const present = await readdir(assets);
  const stale = [];
  for (const [name, wanted] of Object.entries(files)) {
    const found = present.includes(name) ? await readFile(join(assets, name)) : undefined;
    if (!found?.equals(wanted)) stale.push(name);
  }
  stale.push(...present.filter((name) => !(name in files)));
  if (stale.length > 0) {
    console.error(`crates/console/assets is not what ui/ builds: ${stale.join(", ")}. Run: npm ci && npm run build, in ui/`);
    process.exit(1);
  }
  console.log(`crates/console/assets is what ui/ builds: ${Object.keys(files).join(", ")}`);
} else {
  await rm(assets, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(assets, name), bytes);
    console.log(`${name}: ${bytes.length} bytes`);
  }
}
