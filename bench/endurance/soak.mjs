// Traffic of all kinds for minutes or hours, while memory and descriptors are watched; says at the end whether they are flat.
//
//   node bench/endurance/soak.mjs [--minutes 60] [--clients 40]
import { BareSocket, OPCODE } from "../../testing/conformance/js/support/bare_socket.mjs";
import { BareHandler, handlerTable, startConfigured } from "../../testing/conformance/js/support/handler.mjs";
import { ProtobufClient } from "../../testing/conformance/js/support/protobuf_client.mjs";
import { RawClient, recover } from "../../testing/conformance/js/support/raw_client.mjs";
import { Hub, clientUrl } from "../../testing/conformance/js/support/rest.mjs";
import { holdings, options, record } from "./record.mjs";

const HUB = "soak";
const SAMPLE_MS = 5_000;
/** Memory is flat if the last third of the run has at most so much more than the second; the first third is for warming up. */
const GROWTH_FACTOR_MAX = 1.05;
const GROWTH_BYTES_MAX = 4 << 20;
const DESCRIPTORS_MAX = 20;

const { minutes, clients: count } = options({ minutes: 60, clients: 40 });
const end = Date.now() + minutes * 60_000;
const handler = await BareHandler.start();
handler.answer = ({ headers, body }) => {
  handler.requests.length = 0;
  return headers["ce-type"].includes(".user.") ? { status: 200, headers: { "content-type": "text/plain" }, body } : { status: 204 };
};
const server = await startConfigured(`compression = true\n[limits]\nping_interval_ms = 2000\n${handlerTable(HUB, handler.urlTemplate, 'user_event_pattern = "*"\nsystem_events = ["connect", "connected", "disconnected"]\npresence_events = ["joined", "left"]')}`);
const hub = new Hub(server, HUB);
const rounds = {};

/** What one kind of client does over and over, each time from a handshake to an end. */
const kinds = {
  async json(n) {
    const client = await RawClient.json(server, HUB, { userId: `u${n}`, compression: n % 2 === 0 });
    for (let round = 0; round < 20; round += 1) {
      const group = `g${round % 5}`;
      await client.join(group);
      await client.publish(group, "x".repeat(round * 50));
      await client.leave(group);
      client.send({ type: "event", event: "e", dataType: "text", data: "x", ackId: round + 1 });
      await client.ack(round + 1);
    }
    await client.close(1000);
  },
  async reliable() {
    let client = await RawClient.reliable(server, HUB, { groups: ["news"] });
    const { connectionId, reconnectionToken } = client;
    let wanted = 1;
    for (let round = 0; round < 5; round += 1) {
      await hub.sendText(`/connections/${connectionId}`, `${round}`);
      await client.frame((frame) => frame.json?.data === `${round}`, "a message to the connection");
      client.send({ type: "sequenceAck", sequenceId: (wanted = Math.max(wanted, ...client.frames.map((frame) => frame.json?.sequenceId ?? 0))) });
      client.cut();
      await client.closed();
      client = await recover(server, HUB, { connectionId, reconnectionToken });
    }
    await client.close(1000);
  },
  async protobuf() {
    const client = await ProtobufClient.open(server, HUB, { groups: ["news"] });
    for (let round = 0; round < 20; round += 1) await client.publish("binary", { binary_data: Buffer.alloc(500, round) });
    await client.close(1000);
  },
  async simple() {
    const client = await RawClient.simple(server, HUB, { groups: ["raw"], roles: ["webpubsub.sendToGroup"], query: { webpubsub_mode: "sendToGroup", group: "raw" } });
    for (let round = 0; round < 20; round += 1) {
      client.sendText(`${round}`);
      await client.next("its own message");
    }
    await client.close(1000);
  },
  async stream(n) {
    const client = await RawClient.json(server, HUB);
    client.send({ type: "sendToGroup", group: "news", stream: { streamId: `s${n}` } });
    for (let round = 1; round <= 10; round += 1) client.send({ type: "streamData", streamId: `s${n}`, streamSequenceId: round, dataType: "text", data: "x" });
    client.send({ type: "streamEnd", streamId: `s${n}` });
    client.send({ type: "invoke", invocationId: "i", target: "event", event: "e", dataType: "text", data: "x" });
    await client.frame((frame) => frame.json?.type === "invokeResponse", "the answer of an invocation");
    await client.close(1000);
  },
  async rest(n) {
    for (let round = 0; round < 20; round += 1) {
      await called(() => hub.sendJson("/groups/news", { round }));
      await called(() => hub.sendText(`/users/u${n}`, "x", { filter: "not ('quiet' in groups)" }));
      await called(() => hub.call("GET", "/groups/news/connections"));
      await called(() => hub.postJson("/:addToGroups", { groups: ["a", "b"], filter: `userId eq 'u${n}'` }));
    }
  },
  /** Guests who misbehave in a new way each time. */
  async hostile(n) {
    const bare = await BareSocket.open(clientUrl(server, HUB), undefined, "permessage-deflate");
    if (n % 3 === 0) bare.send(3, "x");
    if (n % 3 === 1) bare.send(OPCODE.text, Buffer.alloc(1 + (n % 100), 0xff), { rsv: 4 });
    if (n % 3 === 2) bare.sendBytes(Buffer.from([0x81]));
    if (n % 3 !== 2) await bare.closeFrame();
    bare.destroy();
    await RawClient.connect(clientUrl(server, HUB, { token: `wrong ${n}` })).catch(() => {});
  },
};

/** A connection that was idle may be closed in the moment in which it is used again: as on a machine that was busy with something else. */
const called = (call) => call().catch((error) => (error.code === "ECONNRESET" ? call() : Promise.reject(error)));

async function live(kind, n) {
  for (let round = 0; Date.now() < end; round += 1) {
    await kinds[kind](n * 1_000_000 + round);
    rounds[kind] = (rounds[kind] ?? 0) + 1;
  }
}

const samples = [];
const sampler = setInterval(() => {
  const sample = { minute: (samples.length + 1) * (SAMPLE_MS / 60_000), ...holdings(server.pid) };
  samples.push(sample);
  if (samples.length % 12 === 0) console.log(`${sample.minute.toFixed(0)} min: ${(sample.resident_bytes / 1e6).toFixed(1)} MB, ${sample.descriptors} descriptors, rounds ${JSON.stringify(rounds)}`);
}, SAMPLE_MS);
const names = Object.keys(kinds);
// What was seen until a client failed is worth keeping.
const failure = await Promise.all(Array.from({ length: count }, (_, n) => live(names[n % names.length], n))).then(
  () => undefined,
  (error) => `${error.stack}`,
);
clearInterval(sampler);

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const third = (n, what) => median(samples.slice(Math.floor((n * samples.length) / 3), Math.floor(((n + 1) * samples.length) / 3)).map((sample) => sample[what]));
const [second, last] = [third(1, "resident_bytes"), third(2, "resident_bytes")];
const descriptors = [third(1, "descriptors"), third(2, "descriptors")];
const flat = last <= Math.max(second * GROWTH_FACTOR_MAX, second + GROWTH_BYTES_MAX) && descriptors[1] <= descriptors[0] + DESCRIPTORS_MAX;
const { code } = await server.stop();
const measured = { minutes, failure, rounds, resident_bytes_by_third: [0, 1, 2].map((n) => third(n, "resident_bytes")), descriptors_by_third: [0, 1, 2].map((n) => third(n, "descriptors")), flat, exit_code: code };
record("soak", { name: `soak ${minutes} min, ${count} clients`, measured, samples });
console.log(JSON.stringify(measured, null, 2));
await handler.stop();
process.exit(flat && !failure && code === 0 ? 0 : 1);
