// Every client loses its socket in the same moment, messages are sent while all are away, and all come back at once, reliable sessions inside
// their window among them. Measures how long that takes and what it costs, and proves that reliable sessions lost nothing.
//
//   node bench/endurance/reconnect.mjs [--clients 19000] [--reliable 4000] [--messages 20]
import WebSocket from "../../testing/conformance/node_modules/ws/wrapper.mjs";
import { startConfigured } from "../../testing/conformance/js/support/handler.mjs";
import { JSON_PROTOCOL, RELIABLE_PROTOCOL, recoveryUrl } from "../../testing/conformance/js/support/raw_client.mjs";
import { Hub, clientUrl } from "../../testing/conformance/js/support/rest.mjs";
import { holdings, options, record } from "./record.mjs";

const HUB = "storm";
const BATCH = 200;
const STORM_BATCH = 64;
const PATIENCE_MS = 300_000;
/** As official clients wait: longer after each failure, and not all at the same time. */
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 10_000;

const { clients: count, reliable, messages } = options({ clients: 19_000, reliable: 4_000, messages: 20 });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Client {
  received = [];
  sequenceIds = [];
  finals = 0;

  constructor(isReliable) {
    this.isReliable = isReliable;
  }

  /** Connects or recovers, once; resolves when the service has taken it. */
  attempt(server) {
    const url = this.reconnectionToken ? recoveryUrl(server, HUB, this.connectionId, this.reconnectionToken) : clientUrl(server, HUB, { groups: ["everyone"] });
    return new Promise((resolve, reject) => {
      const socket = (this.socket = new WebSocket(url, [this.isReliable ? RELIABLE_PROTOCOL : JSON_PROTOCOL], { perMessageDeflate: false, handshakeTimeout: 60_000 }));
      socket.once("unexpected-response", (_, response) => {
        response.resume();
        socket.terminate();
        reject(Object.assign(new Error(`status ${response.statusCode}`), { refused: true }));
      });
      socket.once("error", reject);
      socket.on("error", () => {});
      socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
      socket.once("open", () => this.reconnectionToken && resolve());
      socket.on("message", (bytes) => this.#hear(JSON.parse(bytes), resolve));
    });
  }

  #hear(message, connected) {
    if (message.event === "connected") {
      this.connectionId ??= message.connectionId;
      if (this.isReliable) this.reconnectionToken ??= message.reconnectionToken;
      connected();
    } else if (message.type === "message") {
      if (message.sequenceId) {
        this.sequenceIds.push(message.sequenceId);
        this.socket.send(`{"type":"sequenceAck","sequenceId":${message.sequenceId}}`);
      }
      if (message.data === "final") this.finals += 1;
      else this.received.push(message.data);
    }
  }
}

async function within(condition, what) {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Gave up waiting for ${what}.`);
    await sleep(20);
  }
}

const server = await startConfigured(`[limits]\nping_interval_ms = 60000\n`);
const hub = new Hub(server, HUB);
const clients = Array.from({ length: count }, (_, n) => new Client(n < reliable));
for (let at = 0; at < count; at += BATCH) await Promise.all(clients.slice(at, at + BATCH).map((client) => client.attempt(server)));
const before = holdings(server.pid);
console.log(`${count} clients, ${reliable} of them reliable: ${(before.resident_bytes / 1e6).toFixed(0)} MB`);

const began = performance.now();
for (const { socket } of clients) socket._socket.resetAndDestroy();
for (let n = 1; n <= messages; n += 1) {
  const { status } = await hub.sendText("/groups/everyone", `${n}`);
  if (status !== 202) throw new Error(`A publish was answered ${status}.`);
}

const counts = { refused: 0, failed: 0, retried: 0 };
const backs = [];
async function comeBack(client) {
  for (let wait = RETRY_FIRST_MS; ; wait = Math.min(2 * wait, RETRY_MOST_MS)) {
    try {
      await client.attempt(server);
      return backs.push(performance.now() - began);
    } catch (error) {
      counts[error.refused ? "refused" : "failed"] += 1;
      counts.first_error ??= error.message;
      if (performance.now() - began > PATIENCE_MS) throw error;
      await sleep(wait * (0.5 + Math.random() / 2));
      counts.retried += 1;
    }
  }
}
const progress = setInterval(() => console.log(`${((performance.now() - began) / 1000).toFixed(0)} s: ${backs.length} are back, ${JSON.stringify(counts)}`), 5_000);
// As fast as this thread can, though not so fast that it forgets the sockets that it has opened.
const returning = [];
for (const [n, client] of clients.entries()) {
  returning.push(comeBack(client));
  if (n % STORM_BATCH === 0) await new Promise(setImmediate);
}
await Promise.all(returning);
clearInterval(progress);

const wanted = Array.from({ length: messages }, (_, n) => `${n + 1}`);
const sessions = clients.slice(0, reliable);
await within(() => sessions.every((client) => client.received.length >= messages), "what reliable sessions were sent while they were away");
if ((await hub.sendText("/groups/everyone", "final")).status !== 202) throw new Error("The last publish was refused.");
await within(() => clients.every((client) => client.finals === 1), "the last message to reach everybody");
// What a recovery repeats carries the number that it had.
const exactly = (client) => {
  const seen = new Map(client.sequenceIds.slice(0, client.received.length).map((id, at) => [id, client.received[at]]));
  return JSON.stringify([...seen.values()]) === JSON.stringify(wanted);
};
const lost = sessions.filter((client) => !exactly(client)).length;

backs.sort((a, b) => a - b);
const after = holdings(server.pid);
const measured = {
  back_ms: Math.round(backs.at(-1)),
  back_p50_ms: Math.round(backs[Math.floor(backs.length / 2)]),
  ...counts,
  sessions_with_a_loss: lost,
  resident_before_bytes: before.resident_bytes,
  resident_after_bytes: after.resident_bytes,
  peak_resident_bytes: after.peak_resident_bytes,
};
record("reconnect", { name: `reconnect ${count}, ${reliable} reliable, ${messages} messages`, measured });
console.log(JSON.stringify(measured, null, 2));
for (const { socket } of clients) socket.terminate();
await server.stop();
process.exit(lost === 0 ? 0 : 1);
