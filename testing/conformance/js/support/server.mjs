// One running hubwire process: started on a free port, found by the connection string that it prints.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** The development key that the binary uses when it is given none. */
export const DEVELOPMENT_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

const DEFAULT_BINARY = fileURLToPath(new URL("../../../../target/release/hubwire", import.meta.url));
const CONNECTION_STRING = /Endpoint=(https?:\/\/127\.0\.0\.1:(\d+));AccessKey=([^;]+);Version=1\.0;/;
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;

const running = new Set();
// A failed test must not leave a server behind.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export function binaryPath() {
  const path = process.env.HUBWIRE_BIN ?? DEFAULT_BINARY;
  if (!existsSync(path)) {
    throw new Error(`No binary at ${path}: build it (cargo build --release) or set HUBWIRE_BIN.`);
  }
  return path;
}

/** Whether the binary stands for a cluster, `deploy/cluster.mjs`: each socket and each call may come to another node. */
export const isCluster = basename(binaryPath()) === "cluster.mjs";
/** Whether the hubs of that cluster outlive its nodes, so that everything goes through a log. */
export const isDurable = isCluster && process.env.HUBWIRE_DURABILITY === "cluster";

/** Declares what is about one process, such as its own bounds, files and connections, or its settings when they change: in a cluster nothing. */
export const ofOneProcess = (declare) => (isCluster ? (name) => console.warn(`${name}: not tested, since it is about one process`) : declare);

/** Declares what is about the sequence ids of group states, which they have only where sessions do not outlive their node: see `takeover_states`. */
export const ofNumberedStates = (declare) => (isDurable ? (name) => console.warn(`${name}: not tested, since states have no sequence ids in these hubs`) : declare);

/** Starts the binary and resolves as soon as its banner shows the connection string. */
export async function startServer({ args = [], env = {}, binary = binaryPath() } = {}) {
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const output = { stdout: "", stderr: "" };
  const exited = new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  child.stderr.on("data", (chunk) => (output.stderr = (output.stderr + chunk).slice(-64_000)));
  const banner = await new Promise((resolve, reject) => {
    const fail = (why) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`${why}\nstdout: ${output.stdout}\nstderr: ${output.stderr}`));
    };
    const timer = setTimeout(() => fail("The server printed no connection string in time."), START_DEADLINE_MS);
    child.once("error", (error) => fail(`The server did not start: ${error.message}`));
    exited.then(({ code, signal }) => fail(`The server ended while starting (${code ?? signal}).`));
    child.stdout.on("data", (chunk) => {
      output.stdout = (output.stdout + chunk).slice(-64_000);
      const match = CONNECTION_STRING.exec(output.stdout);
      if (match) {
        clearTimeout(timer);
        resolve(match);
      }
    });
  });
  const [connectionString, endpoint, port, accessKey] = banner;
  return new Server(child, exited, output, { connectionString, endpoint, port: Number(port), accessKey });
}

class Server {
  #child;
  #exited;
  #hubs = 0;

  constructor(child, exited, output, facts) {
    this.#child = child;
    this.#exited = exited;
    this.output = output;
    Object.assign(this, facts);
    this.host = `127.0.0.1:${this.port}`;
    this.wsEndpoint = this.endpoint.replace(/^http/, "ws");
  }

  /** A hub name that no other test of this server uses. */
  hub(prefix = "hub") {
    this.#hubs += 1;
    return `${prefix}_${this.#hubs}`;
  }

  /** The same server as seen through another host and port, such as a proxy. */
  through(port) {
    const endpoint = `http://127.0.0.1:${port}`;
    return {
      endpoint,
      port,
      accessKey: this.accessKey,
      host: `127.0.0.1:${port}`,
      wsEndpoint: `ws://127.0.0.1:${port}`,
      connectionString: `Endpoint=${endpoint};AccessKey=${this.accessKey};Version=1.0;`,
    };
  }

  /** True while the process lives: a crash in one test must not look like a pass in the next. */
  get alive() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The process, to be stopped for a while or looked at. */
  get pid() {
    return this.#child.pid;
  }

  /** Memory of the process in bytes: the most that it has had since it started. Known on Linux only. */
  get memoryPeak() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)[1]) * 1024;
  }

  /** Kills the process, as a crash would. */
  kill() {
    this.#child.kill("SIGKILL");
  }

  /** Has the process stand still, as one whose machine does not answer. It is told by a signal, which it takes a moment to follow: every thread has. */
  pause() {
    this.#child.kill("SIGSTOP");
    const tasks = `/proc/${this.#child.pid}/task`;
    const stands = (task) => / T /.test(readFileSync(`${tasks}/${task}/stat`, "utf8"));
    while (!readdirSync(tasks).every(stands));
  }

  /** Has it go on. */
  resume() {
    this.#child.kill("SIGCONT");
  }

  /** Sends the process a signal, such as SIGSTOP and SIGCONT. */
  signal(name) {
    this.#child.kill(name);
  }

  /** The exit code and signal, once the process has ended. */
  ended() {
    return this.#exited;
  }

  async stop() {
    if (!this.alive) {
      throw new Error(`The server had already ended.\nstderr: ${this.output.stderr}`);
    }
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_DEADLINE_MS);
    const ending = await this.#exited;
    clearTimeout(timer);
    return ending;
  }
}
