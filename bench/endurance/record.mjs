// What a run showed, appended where all raw results are kept; and what the service's process holds.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const RUNS = fileURLToPath(new URL("../runs", import.meta.url));
const git = (...args) => execFileSync("git", args, { cwd: RUNS, encoding: "utf8" }).trim();

/** The machine by its processor, as the other results name it. */
function machine() {
  const words = cpus()[0].model.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${words}-${cpus().length}cpu`;
}

/** Appends one line to `bench/runs/<date>-<machine>/<kind>.jsonl`. */
export function record(kind, facts) {
  const [date, time] = new Date().toISOString().split(/[T.]/);
  const folder = join(RUNS, `${date}-${machine()}`);
  const commit = git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") ? "+changes" : "");
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${kind}.jsonl`), `${JSON.stringify({ record: "run", date, time, machine: machine(), kernel: release(), commit, binary: (process.env.HUBWIRE_BIN ?? "target/release/hubwire").includes("release") ? "release" : "another build", ...facts })}\n`);
}

/** Memory now and at its peak, and descriptors, of a process. */
export function holdings(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)[1]) * 1024;
  return { resident_bytes: bytes("VmRSS"), peak_resident_bytes: bytes("VmHWM"), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** `--name value` pairs; numbers where the default is one. */
export function options(defaults) {
  const chosen = { ...defaults };
  for (let at = 2; at < process.argv.length; at += 2) {
    const name = process.argv[at].replace(/^--/, "");
    if (!(name in defaults) || process.argv[at + 1] === undefined) throw new Error(`${process.argv[at]}: options are ${Object.keys(defaults).map((one) => `--${one} N`).join(", ")}`);
    chosen[name] = Number(process.argv[at + 1]);
  }
  return chosen;
}
