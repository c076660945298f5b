// Clients of a hub whose handler is healthy, who exchange messages and user events all the time: what others suffer must not reach them.
import assert from "node:assert/strict";
import { BareHandler } from "./handler.mjs";
import { RawClient } from "./raw_client.mjs";

export class Canary {
  #stopping = false;
  #rounds = 0;
  #latencies = [];

  /** The handler comes first, since the service's settings name it. */
  static async handler() {
    const handler = await BareHandler.start();
    handler.answer = ({ headers, body }) => (headers["ce-type"].includes(".user.") ? { status: 200, headers: { "content-type": "text/plain" }, body } : { status: 204 });
    return handler;
  }

  static async start(server, hub) {
    const canary = new Canary();
    canary.sender = await RawClient.json(server, hub);
    canary.listener = await RawClient.json(server, hub);
    await canary.listener.join("canary");
    canary.singing = canary.#sing();
    // A failure is thrown where the song is waited for.
    canary.singing.catch(() => {});
    return canary;
  }

  async #sing() {
    while (!this.#stopping) {
      const round = (this.#rounds += 1);
      const began = performance.now();
      this.sender.send({ type: "sendToGroup", group: "canary", dataType: "text", data: `m${round}`, noEcho: true });
      this.sender.send({ type: "event", event: "sing", dataType: "text", data: `e${round}`, ackId: round });
      const [message, reply, ack] = await Promise.all([this.listener.next("the canary's message"), this.sender.next("the canary's reply"), this.sender.ack(round)]);
      assert.equal(message.json.data, `m${round}`, "messages arrive in order, and none is left out");
      assert.equal(reply.json.data, `e${round}`, "each event is answered, in order");
      assert.equal(ack.success, true);
      this.#latencies.push(performance.now() - began);
    }
  }

  get rounds() {
    return this.#rounds;
  }

  /** Latencies of the rounds since this was last asked, as a line to be read by people. */
  percentiles() {
    const sorted = this.#latencies.splice(0).sort((a, b) => a - b);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(1);
    return `${sorted.length} rounds; ms at 50 %: ${at(0.5)}, 90 %: ${at(0.9)}, 99 %: ${at(0.99)}, 100 %: ${at(1)}`;
  }

  async stop() {
    this.#stopping = true;
    await this.singing;
    await RawClient.closeAll(this.sender, this.listener);
  }
}
