// Clients of a service under attack who behave well, in a thread of their own: what they notice is the service's doing, not the attacker's.
import assert from "node:assert/strict";
import { isMainThread, parentPort, workerData, Worker } from "node:worker_threads";
import { withDeadline } from "./deadline.mjs";
import { RawClient } from "./raw_client.mjs";
import { Hub } from "./rest.mjs";

const PAUSE_MS = 2;
/** Long, since the service may be a debug build on a busy machine. */
const PATIENCE_MS = 60_000;

/** Who behaves well: two publishers, by WebSocket and by REST, and a plain and a reliable client who must get everything of both, in order. */
class Choir {
  #singing = true;
  #sent = { w: 0, r: 0 };
  #sentAt = new Map();
  #heard = {};
  #delays = [];
  #failure;

  static async start(server) {
    const canaries = new Choir();
    canaries.publishers = server.publishers;
    const hub = "canary";
    canaries.receivers = { plain: await RawClient.json(server, hub, { groups: ["song"] }), reliable: await RawClient.reliable(server, hub, { groups: ["song"] }) };
    canaries.sender = await RawClient.json(server, hub);
    canaries.rest = new Hub(server, hub);
    for (const [name, client] of Object.entries(canaries.receivers)) canaries.#listen(name, client);
    const ways = { w: (text) => canaries.#sendByClient(text), r: (text) => canaries.#sendByRest(text) };
    canaries.songs = canaries.publishers.map((publisher) => canaries.#sing(publisher, ways[publisher]));
    return canaries;
  }

  #fail(error) {
    this.#failure ??= error;
    this.#singing = false;
  }

  #listen(name, client) {
    const heard = (this.#heard[name] = { w: 0, r: 0 });
    client.socket.on("close", (code) => this.#singing && this.#fail(new Error(`The ${name} canary lost its connection: ${code}.`)));
    client.socket.on("message", (bytes) => {
      const message = JSON.parse(bytes);
      if (message.type !== "message") return;
      const [publisher, number] = [message.data[0], Number(message.data.slice(1))];
      if (number !== heard[publisher] + 1) this.#fail(new Error(`The ${name} canary heard ${message.data} after ${publisher}${heard[publisher]}.`));
      heard[publisher] = number;
      this.#delays.push(performance.now() - this.#sentAt.get(message.data));
      if (message.sequenceId) client.send({ type: "sequenceAck", sequenceId: message.sequenceId });
    });
  }

  async #sing(publisher, send) {
    while (this.#singing) {
      const text = `${publisher}${this.#sent[publisher] + 1}`;
      this.#sentAt.set(text, performance.now());
      try {
        await send(text);
      } catch (error) {
        return this.#fail(error);
      }
      this.#sent[publisher] += 1;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #sendByClient(text) {
    const ack = await this.sender.publish("song", text);
    assert.equal(ack.success, true, "the publish of a canary is acknowledged");
  }

  async #sendByRest(text) {
    const { status } = await this.rest.sendText("/groups/song", text);
    assert.equal(status, 202, "the REST publish of a canary is accepted");
  }

  /** All that has been sent until now, and two more of each publisher, have reached both receivers, in order and without a gap. */
  async unharmed() {
    const wanted = Object.fromEntries(this.publishers.map((publisher) => [publisher, this.#sent[publisher] + 2]));
    const complete = () => this.#failure ?? Object.values(this.#heard).every((heard) => this.publishers.every((publisher) => heard[publisher] >= wanted[publisher]));
    await withDeadline((async () => {
      while (!complete()) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    })(), () => `the canaries to hear ${JSON.stringify(wanted)}; they heard ${JSON.stringify(this.#heard)}`, PATIENCE_MS);
    if (this.#failure) throw this.#failure;
  }

  /** Delays since this was last asked, as a line for people. */
  delays() {
    const sorted = this.#delays.splice(0).sort((a, b) => a - b);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(1);
    return `${sorted.length} messages; ms at 50 %: ${at(0.5)}, 99 %: ${at(0.99)}, 100 %: ${at(1)}`;
  }

  async stop() {
    await this.unharmed();
    this.#singing = false;
    await Promise.all(this.songs);
    await RawClient.closeAll(this.sender, ...Object.values(this.receivers));
  }
}

/** The canaries as the test sees them. */
export class Canaries {
  #worker;
  #questions = new Map();
  #number = 0;

  /** `publishers`: `w`, by WebSocket, and `r`, by REST. */
  static async start(server, { publishers = ["w", "r"] } = {}) {
    const { endpoint, wsEndpoint, port, host, accessKey } = server;
    const canaries = new Canaries();
    canaries.#worker = new Worker(new URL(import.meta.url), { workerData: { canariesOf: { endpoint, wsEndpoint, port, host, accessKey, publishers } } });
    canaries.#worker.on("message", ({ number, answer, error }) => {
      const { resolve, reject } = canaries.#questions.get(number);
      canaries.#questions.delete(number);
      if (error) reject(new Error(error));
      else resolve(answer);
    });
    canaries.#worker.on("error", (error) => canaries.#questions.forEach(({ reject }) => reject(error)));
    await canaries.#ask("start");
    return canaries;
  }

  #ask(question) {
    const number = (this.#number += 1);
    return new Promise((resolve, reject) => {
      this.#questions.set(number, { resolve, reject });
      this.#worker.postMessage({ number, question });
    });
  }

  /** All that has been sent until now, and two more of each publisher, have reached both receivers, in order and without a gap. */
  unharmed() {
    return this.#ask("unharmed");
  }

  /** Delays since this was last asked, as a line for people. */
  delays() {
    return this.#ask("delays");
  }

  async stop() {
    await this.#ask("stop");
    await this.#worker.terminate();
  }
}

if (!isMainThread && workerData?.canariesOf) {
  let choir;
  parentPort.on("message", async ({ number, question }) => {
    try {
      if (question === "start") choir = await Choir.start(workerData.canariesOf);
      const answer = question === "start" ? undefined : await choir[question]();
      parentPort.postMessage({ number, answer });
    } catch (error) {
      parentPort.postMessage({ number, error: error.message });
    }
  });
}
