#!/usr/bin/env node
// Three nodes and a NATS server on this machine, behind one address that spreads new sockets over the nodes in turn.
//
//   node deploy/cluster.mjs serve [--listen ADDR] [--nodes N] [--durability node|cluster] [options of `hubwire serve`]
//
// It takes the options of `hubwire serve`, prints the same connection string, and ends on SIGTERM as the binary does. So it stands in for the
// binary wherever one is expected: HUBWIRE_BIN=deploy/cluster.mjs runs the conformance tests against a cluster.
//
// HUBWIRE_NODE_BIN names the binary of the nodes (target/release/hubwire otherwise); nats-server is looked for in PATH and in /usr/sbin.
// HUBWIRE_NODES and HUBWIRE_DURABILITY are what `--nodes` and `--durability` are otherwise. With `cluster` every hub has durability "cluster"
// unless the settings (--config, HUBWIRE_CONFIG) say otherwise.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const BINARY = process.env.HUBWIRE_NODE_BIN ?? fileURLToPath(new URL("../target/release/hubwire", import.meta.url));
const NATS_SERVER = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"].map((folder) => join(folder, "nats-server")).find(existsSync);
const READY = /Listening on +127\.0\.0\.1:(\d+)[^]*(Endpoint=[^;]+;AccessKey=[^;]+;Version=1\.0;)/;

const children = new Set();
const folder = mkdtempSync(join(tmpdir(), "hubwire-cluster-"));
process.on("exit", () => {
  children.forEach((child) => child.kill("SIGKILL"));
  rmSync(folder, { recursive: true, force: true });
});

/** The value of an option, taken out of the arguments. */
function take(args, name, otherwise) {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at < 0) return otherwise;
  const [option] = args.splice(at, 1);
  return option.includes("=") ? option.slice(name.length + 1) : args.splice(at, 1)[0];
}

function start(command, args, env = process.env) {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  child.ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  child.ended.then(() => children.delete(child));
  return child;
}

async function startNats() {
  if (!NATS_SERVER) throw new Error("there is no nats-server; on Debian: apt-get install nats-server");
  const child = start(NATS_SERVER, ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder, "-js", "-sd", folder]);
  child.stdout.resume();
  child.stderr.resume();
  for (;;) {
    const file = readdirSync(folder).find((name) => name === `nats-server_${child.pid}.ports`);
    const text = file ? readFileSync(join(folder, file), "utf8") : "";
    if (text) return JSON.parse(text).nats[0];
    if (child.exitCode !== null) throw new Error("nats-server has ended");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Settings with a durability for every hub that they do not give one to, and for those that they do not name. */
function withDurability(settings) {
  const line = `durability = "${durability}"`;
  const header = /^\s*\[\[?\s*hubs\.("[^"]*"|'[^']*'|[\w-]+)\s*(\.[^\]]*)?\]/;
  const sections = settings.split(/^(?=\s*\[)/m);
  const named = new Set(["_default"]);
  const own = new Set();
  const written = sections.map((section) => {
    const [first, hub, below] = header.exec(section) ?? [];
    if (!hub) return section;
    named.add(hub);
    if (below) return section;
    own.add(hub);
    return /^\s*durability\s*=/m.test(section) ? section : section.replace(first, `${first}\n${line}`);
  });
  const missing = [...named].filter((hub) => !own.has(hub));
  return [written.join(""), ...missing.map((hub) => `[hubs.${hub}]\n${line}\n`)].join("\n");
}

/** One node on a free port, once its clients can connect. */
async function startNode(args, config) {
  const env = { ...process.env, HUBWIRE_WORKERS: process.env.HUBWIRE_WORKERS ?? "1" };
  const child = start(BINARY, ["serve", "--listen", "127.0.0.1:0", "--config", config, ...args], env);
  child.stderr.pipe(process.stderr, { end: false });
  let output = "";
  return new Promise((resolve, reject) => {
    child.ended.then((code) => reject(Object.assign(new Error(`a node ended while starting (${code})`), { code })));
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const ready = READY.exec(output);
      if (ready) resolve({ child, port: Number(ready[1]), connectionString: ready[2] });
    });
  });
}

const args = process.argv.slice(2);
if (args[0] === "serve") args.shift();
const listen = take(args, "--listen", "127.0.0.1:0");
const count = Number(take(args, "--nodes", process.env.HUBWIRE_NODES ?? "3"));
const durability = take(args, "--durability", process.env.HUBWIRE_DURABILITY ?? "node");
const given = take(args, "--config", process.env.HUBWIRE_CONFIG);

let nodes = [];
let turn = 0;
const alive = () => nodes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
// It listens before there are nodes, since they are told its address: people who sign in to the console come back to that.
const front = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const candidates = alive();
  if (candidates.length === 0) return client.resetAndDestroy();
  const { port } = candidates[turn++ % candidates.length];
  const node = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const end = (one, other) => {
    one.pipe(other);
    one.on("error", () => other.resetAndDestroy());
    one.on("close", () => other.destroySoon());
  };
  end(client, node);
  end(node, client);
});
const [host, port] = [listen.slice(0, listen.lastIndexOf(":")), Number(listen.slice(listen.lastIndexOf(":") + 1))];
await new Promise((resolve) => front.listen(port, host, resolve));

const nats = await startNats();
const config = join(folder, "node.toml");
const settings = given ? readFileSync(given, "utf8") : "";
const secret = randomBytes(32).toString("base64url");
writeFileSync(config, `${durability === "node" ? settings : withDurability(settings)}\n[cluster]\nnats = ["${nats}"]\nsecret = "${secret}"\n`);
const address = `${/^\s*\[tls\]/m.test(settings) ? "https" : "http"}://127.0.0.1:${front.address().port}`;
const [top] = settings.split(/^\s*\[/m);
const named = process.env.HUBWIRE_ENDPOINT ?? (/^\s*endpoint\s*=/m.test(top) || args.some((arg) => /^--endpoint(=|$)/.test(arg)));
if (!named) args.push("--endpoint", address);
try {
  nodes = await Promise.all(Array.from({ length: count }, () => startNode(args, config)));
} catch (error) {
  console.error(error.message);
  process.exit(error.code ?? 1);
}
console.log(`Hubwire cluster of ${count} nodes at ${nodes.map((node) => node.port).join(", ")}, with NATS at ${nats}\n`);
console.log(`  Connection string  ${nodes[0].connectionString.replace(/https?:\/\/[^;]+/, address)}`);
console.log(`  Settings of nodes  ${config}\n`);

async function stop() {
  front.close();
  nodes.forEach(({ child }) => child.kill("SIGTERM"));
  const codes = await Promise.all(nodes.map(({ child }) => child.ended));
  process.exit(codes.find((code) => code !== 0) ?? 0);
}
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
