// The Autobahn test suite against the service: every case must pass strictly.
//
// The suite wants an echo. The service has one: a simple client in mode sendToGroup that is a member of the group gets back what it sends, text as
// text and bytes as bytes, through the whole path of a message. `AUTOBAHN` is the suite's own program, wstest; arguments are patterns of cases.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startConfigured } from "../js/support/handler.mjs";
import { clientUrl } from "../js/support/rest.mjs";

/** Cases send up to 16 MiB, and may fall silent for longer than a ping interval. */
const SETTINGS = `compression = true
[limits]
message_bytes_max = 67108864
outbox_bytes_max = 268435456
ping_interval_ms = 3600000
`;
/** Cases that the suite itself does not judge: what happens to data behind a close frame, and close codes 5000 and 65535. */
const INFORMATIONAL = new Set(["7.1.6", "7.13.1", "7.13.2"]);
const strict = (id, word) => word === "OK" || (word === "INFORMATIONAL" && INFORMATIONAL.has(id));

function wstest(folder) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.env.AUTOBAHN, ["-m", "fuzzingclient", "-s", "spec.json"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`wstest ended with ${code}.`))));
  });
}

/** How many cases of each section ended how. */
function tally(results) {
  const sections = new Map();
  for (const [id, { behavior }] of Object.entries(results)) {
    const section = sections.get(id.split(".")[0]) ?? new Map();
    section.set(behavior, (section.get(behavior) ?? 0) + 1);
    sections.set(id.split(".")[0], section);
  }
  return [...sections].sort(([a], [b]) => a - b).map(([section, words]) => `section ${section}: ${[...words].map(([word, count]) => `${count} ${word}`).join(", ")}`);
}

const folder = mkdtempSync(join(tmpdir(), "hubwire-autobahn-"));
const server = await startConfigured(SETTINGS);
try {
  const url = clientUrl(server, "autobahn", { roles: ["webpubsub.sendToGroup"], groups: ["echo"], query: { webpubsub_mode: "sendToGroup", group: "echo" } });
  const cases = process.argv.length > 2 ? process.argv.slice(2) : ["*"];
  writeFileSync(join(folder, "spec.json"), JSON.stringify({ outdir: "reports", servers: [{ agent: "hubwire", url }], cases, "exclude-cases": [], "exclude-agent-cases": {} }));
  await wstest(folder);
  const results = JSON.parse(readFileSync(join(folder, "reports", "index.json"), "utf8")).hubwire;
  const faults = Object.entries(results).filter(([id, { behavior, behaviorClose }]) => !strict(id, behavior) || !strict(id, behaviorClose));
  tally(results).forEach((line) => console.log(line));
  for (const [id, { behavior, behaviorClose, reportfile }] of faults) {
    const { result, resultClose } = JSON.parse(readFileSync(join(folder, "reports", reportfile), "utf8"));
    console.error(`case ${id}: ${behavior} (${result}), close ${behaviorClose} (${resultClose})`);
  }
  if (!server.alive) throw new Error(`The service ended: ${server.output.stderr}`);
  console.log(`${Object.keys(results).length - faults.length} passed, ${faults.length} failed`);
  process.exitCode = faults.length === 0 && Object.keys(results).length > 0 ? 0 : 1;
} finally {
  if (server.alive) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
