// Handlers that hang, break off, flood or trickle: what their own clients see, and that clients of other hubs see nothing.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { Canary } from "./support/canary.mjs";
import { until } from "./support/deadline.mjs";
import { handlerTable, startConfigured } from "./support/handler.mjs";
import { BEHAVIOURS } from "./support/hostile_handlers.mjs";
import { HandshakeRefused, RawClient } from "./support/raw_client.mjs";
import { clientUrl } from "./support/rest.mjs";

const MIB = 1 << 20;
const ANSWER_BYTES_MAX = 2 * MIB;
const LIMITS = `[limits]
upstream_call_timeout_ms = 1500
upstream_connect_timeout_ms = 500
upstream_answer_bytes_max = ${ANSWER_BYTES_MAX}
`;
const TAKES = 'user_event_pattern = "*"\nsystem_events = ["connect"]\nvalidate = false';
const names = Object.keys(BEHAVIOURS);
const hubOf = (name) => `hub${names.indexOf(name)}`;
let hostileHandlers;
let closedPort;
let canaryHandler;
let server;
let canary;
let memoryBefore;

before(async () => {
  let settings = LIMITS;
  hostileHandlers = new Worker(new URL("./support/hostile_handlers.mjs", import.meta.url));
  const [urlTemplates] = await once(hostileHandlers, "message");
  for (const [name, urlTemplate] of urlTemplates) settings += handlerTable(hubOf(name), urlTemplate, TAKES);
  const unused = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => unused.once("listening", resolve));
  closedPort = unused.address().port;
  await new Promise((resolve) => unused.close(resolve));
  settings += handlerTable("refusing", `http://127.0.0.1:${closedPort}/{event}`, 'user_event_pattern = "*"\nvalidate = false');
  settings += handlerTable("refusing_connect", `http://127.0.0.1:${closedPort}/{event}`, 'system_events = ["connect"]\nvalidate = false');
  canaryHandler = await Canary.handler();
  settings += handlerTable("canary", canaryHandler.urlTemplate);
  server = await startConfigured(settings);
  canary = await Canary.start(server, "canary");
  await until(() => canary.rounds >= 200, "the canary's first rounds");
  console.log(`canary without hostile handlers: ${canary.percentiles()}`);
  memoryBefore = server.memoryPeak;
});

after(async () => {
  console.log(`canary beside hostile handlers: ${canary.percentiles()}`);
  await canary.stop();
  await server.stop();
  await hostileHandlers.terminate();
  await canaryHandler.stop();
});

/** Memory is read from /proc. */
const withMemory = process.platform === "linux" ? test : (name) => console.warn(`${name}: not tested, since this is not Linux`);

const FAILED = { type: "ack", success: false, error: { name: "InternalServerError", message: "Internal server error" } };
const event = (ackId) => ({ type: "event", event: "e", dataType: "text", data: "x", ackId });

async function jsonClientGetsAnErrorAck(hub) {
  const client = await RawClient.json(server, hub);
  client.send(event(1));
  assert.deepEqual((await client.next("the ack")).json, { ...FAILED, ackId: 1 });
  // The connection stays, and nothing else was sent.
  await client.settled();
  assert.deepEqual(client.unseen, []);
  await client.close(1000);
}

async function simpleClientIsClosed(hub) {
  const client = await RawClient.simple(server, hub);
  client.sendText("x");
  assert.deepEqual(await client.closed(), { code: 1011, reason: "Internal server error" });
  assert.deepEqual(client.frames, []);
}

async function connectingClientIsRefused(hub) {
  const refused = await RawClient.connect(clientUrl(server, hub, { query: { hostile: "1" } })).catch((error) => error);
  assert.ok(refused instanceof HandshakeRefused, `not refused: ${refused}`);
  assert.equal(refused.status, 500);
}

/** The canary has sung on: two more whole rounds, the second of which began after this was asked. */
async function canarySings() {
  const rounds = canary.rounds;
  await until(() => canary.rounds > rounds + 2, "the canary");
}

describe("a handler that", () => {
  for (const name of names) {
    test(`${name} fails its own clients in time, in the words of the contract, and nobody else`, async () => {
      const hub = hubOf(name);
      await Promise.all([jsonClientGetsAnErrorAck(hub), simpleClientIsClosed(hub), connectingClientIsRefused(hub)]);
      await canarySings();
    });
  }

  test("refuses to be connected fails its own clients in time, in the words of the contract, and nobody else", async () => {
    await Promise.all([jsonClientGetsAnErrorAck("refusing"), simpleClientIsClosed("refusing"), connectingClientIsRefused("refusing_connect")]);
    await canarySings();
  });

  withMemory("floods many clients at once costs the service no more than the bound of each answer", async () => {
    const CLIENTS = 24;
    const flooding = ["answers 10 MiB", "answers without end", "sends endless headers", "sends one endless header", "sends interim answers without end"];
    const clients = [];
    for (const name of flooding) {
      for (let index = 0; index < CLIENTS; index += 1) clients.push(await RawClient.json(server, hubOf(name)));
    }
    for (const client of clients) client.send(event(1));
    for (const client of clients) assert.deepEqual((await client.next("the ack")).json, { ...FAILED, ackId: 1 });
    await canarySings();
    const grown = server.memoryPeak - memoryBefore;
    // Each answer may be as long as the bound, twice that while its buffer grows, and the reading of heads has a buffer of its own.
    const bound = clients.length * 2 * (ANSWER_BYTES_MAX + MIB);
    console.log(`${clients.length} floods at once: ${(grown / MIB).toFixed(0)} MiB more at the peak; the bound is ${bound / MIB} MiB`);
    assert.ok(grown < bound, `${grown} bytes`);
    await RawClient.closeAll(...clients);
  });
});
