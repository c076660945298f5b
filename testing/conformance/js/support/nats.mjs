// A NATS server of a test's own, where there is one to run.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe } from "node:test";
import { until } from "./deadline.mjs";

const NATS_SERVER = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"].map((folder) => join(folder, "nats-server")).find(existsSync);
/** `cargo xtask test` installs the server where it may; elsewhere a machine without it still has to pass. */
export const withNats = NATS_SERVER ? describe : (name) => console.warn(`${name}: not tested, since there is no nats-server; on Debian: apt-get install nats-server`);

/** A NATS server, on a free port unless it is to be the same as before. `within` stands before its command: what runs it somewhere else. */
export class Nats {
  static async start({ within = [], args = [], folder = mkdtempSync(join(tmpdir(), "hubwire-nats-")), port = -1 } = {}) {
    const nats = new Nats();
    nats.folder = folder;
    const [command, ...before] = [...within, NATS_SERVER];
    nats.child = spawn(command, [...before, "-a", "127.0.0.1", "-p", String(port), "--ports_file_dir", folder, ...args], { stdio: "ignore" });
    process.on("exit", () => nats.child.kill("SIGKILL"));
    const file = () => readdirSync(folder).find((name) => name === `nats-server_${nats.child.pid}.ports`);
    await until(() => file() && readFileSync(join(folder, file()), "utf8").length > 0, "the port of nats-server");
    nats.url = JSON.parse(readFileSync(join(folder, file()), "utf8")).nats[0];
    nats.port = new URL(nats.url).port;
    return nats;
  }

  async stop({ keep = false } = {}) {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
