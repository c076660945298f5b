#!/usr/bin/env node
// Reliable clients on nodes that are killed, one at random every few seconds, and started again: what is lost, doubled and out of order, and
// how long clients are away.
//
//   node testing/conformance/deaths.mjs [--clients 1000] [--nodes 3] [--seconds 120] [--every-ms 5000] [--rate 20] [--durability cluster]
//
// Each client is in a group of ten; application callers send to these groups and, once a second, to everybody; one client of each tenth group
// publishes to its group, and repeats under its ack id what is not acknowledged. HUBWIRE_BIN names the binary. The result is one JSON line,
// which is appended to bench/runs/<date>-<machine>/deaths.jsonl too, and the exit code is 1 if something was lost, doubled or out of order.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import WebSocket from "ws";
import { startConfigured } from "./js/support/handler.mjs";
import { Nats } from "./js/support/nats.mjs";
import { ALL_ROLES, RELIABLE_PROTOCOL } from "./js/support/raw_client.mjs";
import { clientUrl, Hub } from "./js/support/rest.mjs";

const HUB = "deaths";
const GROUP_SIZE = 10;
const ACK_INTERVAL_MS = 1000;
const { values: options } = parseArgs({
  options: Object.fromEntries(Object.entries({ clients: "1000", nodes: "3", seconds: "120", "every-ms": "5000", rate: "20", durability: "cluster", "lease-ms": "2000" }).map(([name, value]) => [name, { type: "string", default: value }])),
});
const [CLIENTS, NODES, SECONDS, EVERY_MS, RATE, LEASE_MS] = ["clients", "nodes", "seconds", "every-ms", "rate", "lease-ms"].map((name) => Number(options[name]));
const elapse = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

process.setMaxListeners(0);
const folder = mkdtempSync(join(tmpdir(), "hubwire-nats-"));
const nats = await Nats.start({ folder, args: ["-js", "-sd", folder] });
const settings = `[cluster]\nnats = ["${nats.url}"]\n[hubs.${HUB}]\ndurability = "${options.durability}"\n[limits]\ncluster_lease_ms = ${LEASE_MS}\n`;
const startNode = () => startConfigured(settings, { args: ["--workers", "1"], binary: process.env.HUBWIRE_BIN });
const nodes = await Promise.all(Array.from({ length: NODES }, startNode));
const anyNode = () => {
  const alive = nodes.filter((node) => node.alive);
  return alive[Math.floor(Math.random() * alive.length)];
};

/** What was accepted: for each group, and for everybody. */
const accepted = { everybody: [], groups: new Map() };
const counts = { published: 0, refused: 0, delivered: 0, repeated: 0, sessions_ended: 0, recoveries: 0, deaths: 0, duplicate_acks: 0 };
/** Why sends were refused. */
const refusals = {};
const away = [];
/** Nothing more is published, and nobody is killed. */
let stopping = false;
let over = false;

class Client {
  last = 0;
  acknowledged = 0;
  /** The messages that arrived, in order. */
  received = [];
  waiting = new Map();
  ended = false;

  constructor(index) {
    this.group = `g${Math.floor(index / GROUP_SIZE)}`;
    this.index = index;
  }

  async start() {
    const node = nodes[this.index % nodes.length];
    this.#open(clientUrl(node, HUB, { groups: [this.group], roles: ALL_ROLES, userId: `u${this.index}` }));
    await new Promise((resolve) => (this.begun = resolve));
    setInterval(() => this.#acknowledge(), ACK_INTERVAL_MS);
  }

  #open(url, since) {
    const socket = new WebSocket(url, [RELIABLE_PROTOCOL], { perMessageDeflate: false });
    this.socket = socket;
    socket.on("error", () => {});
    // A pong says that the session is back, and not only the socket.
    socket.on("open", () => since && socket.send('{"type":"ping"}'));
    socket.on("message", (data) => this.#take(JSON.parse(data), since, () => (since = undefined)));
    socket.on("unexpected-response", () => socket.terminate());
    socket.on("close", (code, reason) => {
      if (this.ended || over) return;
      if (code === 1008) {
        this.ended = true;
        counts.sessions_ended += 1;
        console.error(`client ${this.index}: the session has ended: ${reason}`);
        return;
      }
      this.#comeBack(since ?? Date.now());
    });
  }

  async #comeBack(since) {
    await elapse(100 + Math.random() * 200);
    const node = anyNode();
    if (!node) return this.#comeBack(since);
    const url = new URL(`${node.wsEndpoint}/client/hubs/${HUB}`);
    url.searchParams.set("awps_connection_id", this.connectionId);
    url.searchParams.set("awps_reconnection_token", this.token);
    this.#open(url, since);
  }

  #take(frame, since, back) {
    if (frame.event === "connected") {
      [this.connectionId, this.token] = [frame.connectionId, frame.reconnectionToken];
      this.begun();
    } else if (frame.type === "pong" && since) {
      counts.recoveries += 1;
      away.push(Date.now() - since);
      back();
      for (const send of this.waiting.values()) this.socket.send(send.text);
    } else if (frame.type === "message") {
      if (frame.sequenceId <= this.last) return void (counts.repeated += 1);
      if (frame.sequenceId !== this.last + 1) console.error(`client ${this.index}: ${frame.sequenceId} after ${this.last}`);
      this.last = frame.sequenceId;
      counts.delivered += 1;
      this.received.push(frame.data);
    } else if (frame.type === "ack") {
      const send = this.waiting.get(frame.ackId);
      if (!send) return;
      if (frame.success || frame.error.name === "Duplicate") {
        counts.duplicate_acks += frame.success ? 0 : 1;
        this.waiting.delete(frame.ackId);
        send.done();
      } else {
        counts.refused += 1;
        setTimeout(() => this.socket.readyState === WebSocket.OPEN && this.socket.send(send.text), 200);
      }
    }
  }

  #acknowledge() {
    if (this.last === this.acknowledged || this.socket.readyState !== WebSocket.OPEN) return;
    this.acknowledged = this.last;
    this.socket.send(JSON.stringify({ type: "sequenceAck", sequenceId: this.last }));
  }

  /** Publishes to the client's own group, and comes back when that is acknowledged. */
  publish(data, ackId) {
    const text = JSON.stringify({ type: "sendToGroup", group: this.group, dataType: "text", data, ackId });
    const done = new Promise((resolve) => this.waiting.set(ackId, { text, done: resolve }));
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    return done;
  }
}

function note(group, text) {
  counts.published += 1;
  if (!group) accepted.everybody.push(text);
  else accepted.groups.get(group)?.push(text) ?? accepted.groups.set(group, [text]);
}

async function callApplication(name, pauseMs, groupOf) {
  for (let number = 1; !stopping; number += 1) {
    const [group, text] = [groupOf(number), `${name}:${number}`];
    const node = anyNode();
    // What is refused or not answered may be there all the same: it is not sent again, and not counted as lost.
    const answer = node && (await new Hub(node, HUB).sendText(group ? `/groups/${group}` : "", text).catch(() => undefined));
    if (answer?.status === 202) note(group, text);
    else {
      counts.refused += 1;
      const why = answer ? `${answer.status} ${answer.json?.message ?? ""}` : "no answer";
      refusals[why] = (refusals[why] ?? 0) + 1;
    }
    await elapse(pauseMs);
  }
}

async function publishAsClient(client) {
  for (let number = 1; !stopping; number += 1) {
    const text = `c${client.index}:${number}`;
    await client.publish(text, number);
    note(client.group, text);
    await elapse(1000);
  }
}

async function kill() {
  for (;;) {
    await elapse(EVERY_MS);
    if (stopping) return;
    const victim = Math.floor(Math.random() * nodes.length);
    nodes[victim].kill();
    counts.deaths += 1;
    nodes[victim] = await startNode();
  }
}

function judge(client) {
  const [seen, positions] = [new Set(), new Map()];
  const result = { lost: 0, duplicated: 0, reordered: 0 };
  for (const text of client.received) {
    if (seen.has(text)) result.duplicated += 1;
    seen.add(text);
    const [publisher, number] = text.split(":");
    if (Number(number) < (positions.get(publisher) ?? 0)) result.reordered += 1;
    positions.set(publisher, Number(number));
  }
  for (const text of [...accepted.everybody, ...(accepted.groups.get(client.group) ?? [])]) if (!seen.has(text)) result.lost += 1;
  return result;
}

const clients = Array.from({ length: CLIENTS }, (_, index) => new Client(index));
for (let at = 0; at < clients.length; at += 50) await Promise.all(clients.slice(at, at + 50).map((client) => client.start()));
console.error(`${CLIENTS} clients on ${NODES} nodes`);
const groups = Math.ceil(CLIENTS / GROUP_SIZE);
const callers = Array.from({ length: 4 }, (_, index) => callApplication(`r${index}`, 4000 / RATE, (number) => `g${(number * 7 + index) % groups}`));
callers.push(callApplication("all", 1000, () => undefined));
const publishers = clients.filter((_, index) => index % 100 === 0).map(publishAsClient);
const killing = kill();
await elapse(SECONDS * 1000);
stopping = true;
await Promise.race([Promise.all([killing, ...callers, ...publishers]), elapse(60_000)]);
// Everything has arrived when a marker behind it has.
for (const deadline = Date.now() + 60_000; Date.now() < deadline && (await new Hub(anyNode(), HUB).sendText("", "end:1").catch(() => undefined))?.status !== 202; ) await elapse(200);
for (const deadline = Date.now() + 60_000; Date.now() < deadline && !clients.every((client) => client.ended || client.received.at(-1) === "end:1"); ) await elapse(100);
over = true;
const members = (await new Hub(nodes[0], HUB).call("GET", "/groups/g0/connections")).json?.value?.length;
const judged = clients.map(judge).reduce((sum, one) => ({ lost: sum.lost + one.lost, duplicated: sum.duplicated + one.duplicated, reordered: sum.reordered + one.reordered }));
away.sort((one, other) => one - other);
const percentile = (part) => away[Math.min(away.length - 1, Math.floor(away.length * part))] ?? 0;
const cpu = /model name\s*: (.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
const cores = readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length ?? 0;
const machine = `${cpu.toLowerCase().replace(/\((r|tm)\)/g, "").includes("epyc") ? "amd-epyc" : cpu.toLowerCase().replace(/[^a-z0-9]+/g, "-")}-${cores}cpu`;
const now = new Date().toISOString();
const git = (...args) => execFileSync("git", args, { encoding: "utf8" }).trim();
const record = {
  date: now.slice(0, 10), time: now.slice(11, 19), machine, kernel: release(), commit: git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain") ? "+changes" : ""), record: "run", name: "deaths",
  scenario: { clients: CLIENTS, nodes: NODES, seconds: SECONDS, every_ms: EVERY_MS, rate: RATE, lease_ms: LEASE_MS, durability: options.durability, workers: 1 },
  measured: { ...judged, ...counts, refusals, members_of_g0: members, away_p50_ms: percentile(0.5), away_p90_ms: percentile(0.9), away_p99_ms: percentile(0.99), away_max_ms: away.at(-1) ?? 0 },
};
console.log(JSON.stringify(record));
const runs = join(dirname(fileURLToPath(import.meta.url)), "../../bench/runs", `${record.date}-${machine}`);
mkdirSync(runs, { recursive: true });
appendFileSync(join(runs, "deaths.jsonl"), `${JSON.stringify(record)}\n`);
nodes.forEach((node) => node.kill());
await nats.stop();
process.exit(judged.lost + judged.duplicated + judged.reordered + counts.sessions_ended > 0 ? 1 : 0);
