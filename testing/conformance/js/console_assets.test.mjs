// The files that the binary carries are those that ui/ builds.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const UI = fileURLToPath(new URL("../../../ui/", import.meta.url));

function npm(...args) {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: UI, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

test("the console's page in the repository is what its sources build", () => {
  if (!existsSync(`${UI}node_modules`)) {
    const installed = npm("ci", "--no-audit", "--no-fund");
    assert.equal(installed.status, 0, installed.output);
  }
  const checked = npm("run", "check");
  assert.equal(checked.status, 0, checked.output);
  assert.match(checked.output, /is what ui\/ builds/);
});
