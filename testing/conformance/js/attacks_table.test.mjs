// The table in docs/attacks.md says what the tests do: every attack with its outcome, and no other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FRAME_ATTACKS } from "./attacks/frames.mjs";
import { HANDSHAKE_ATTACKS } from "./attacks/handshake.mjs";
import { PROTOCOL_ATTACKS } from "./attacks/protocol.mjs";
import { REST_ATTACKS } from "./attacks/rest.mjs";
import { TOKEN_ATTACKS } from "./attacks/tokens.mjs";

const TABLE = new URL("../../../docs/attacks.md", import.meta.url);
const AREAS = {
  attacks_handshake: HANDSHAKE_ATTACKS,
  attacks_frames: FRAME_ATTACKS,
  attacks_protocol: PROTOCOL_ATTACKS,
  attacks_tokens: TOKEN_ATTACKS,
  attacks_rest: REST_ATTACKS,
};

const rowOf = ({ attack, outcome }) => `| ${attack.replaceAll("|", "\\|")} | ${outcome} |`;

for (const [file, attacks] of Object.entries(AREAS)) {
  test(`the table of ${file} has every attack with its outcome, and no other`, () => {
    const [, section] = readFileSync(TABLE, "utf8").split(`\`js/${file}\``);
    assert.ok(section, `docs/attacks.md has no section of js/${file}`);
    const rows = section.split("\n## ")[0].split("\n").filter((line) => line.startsWith("| ")).slice(2);
    // What to put there, if it is not so.
    assert.equal(rows.join("\n"), attacks.map(rowOf).join("\n"));
  });
}

test("no attack is counted twice", () => {
  const names = Object.values(AREAS).flat().map(({ attack }) => attack);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 60, `${names.length} attacks`);
});
