// Bounds that keep the handlers of one hub from taking what the others need.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Canary } from "./support/canary.mjs";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { HandshakeRefused, RawClient } from "./support/raw_client.mjs";
import { clientUrl } from "./support/rest.mjs";
import { ofOneProcess } from "./support/server.mjs";

const PATIENT = "upstream_call_timeout_ms = 60000\n";
const event = (ackId = 1) => ({ type: "event", event: "e", dataType: "text", data: "x", ackId });

/** A handler whose answers to some requests wait until the test lets go of them. */
class Holding {
  held = [];

  static async start(holds) {
    const holding = new Holding();
    holding.handler = await BareHandler.start();
    holding.handler.answer = (request) => (holds(request) ? new Promise((resolve) => holding.held.push(() => resolve({ status: 204 }))) : { status: 204 });
    return holding;
  }

  async holds(count) {
    await until(() => this.held.length >= count, () => `${count} held requests; there are ${this.held.length}`);
    assert.equal(this.held.length, count);
  }

  /** Answers the oldest held requests. */
  release(count = this.held.length) {
    for (const answer of this.held.splice(0, count)) answer();
  }
}

const isUserEvent = ({ headers }) => headers["ce-type"].includes(".user.");

describe("a hub whose handler hangs", () => {
  ofOneProcess(test)("has so many calls under way as its bound says; the next one waits in its turn, and other hubs do not", async () => {
    const BOUND = 64;
    const CLIENTS = 3 * BOUND;
    const canaryHandler = await Canary.handler();
    const holding = await Holding.start(isUserEvent);
    const server = await startConfigured(`[limits]\n${PATIENT}upstream_calls_per_hub_max = ${BOUND}\n${handlerTable("hanging", holding.handler.urlTemplate, 'user_event_pattern = "*"')}${handlerTable("canary", canaryHandler.urlTemplate)}`);
    const canary = await Canary.start(server, "canary");
    await until(() => canary.rounds >= 100, "the canary's first rounds");
    console.log(`canary beside nobody: ${canary.percentiles()}`);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.json(server, "hanging")));
    for (const client of clients) client.send(event());
    await holding.holds(BOUND);
    const rounds = canary.rounds;
    await until(() => canary.rounds > rounds + 100, "the canary");
    console.log(`canary beside ${CLIENTS} clients of a hanging handler: ${canary.percentiles()}`);
    await holding.holds(BOUND);
    // Whoever waits is held with all that it sends later; what others send it still arrives.
    const waits = clients.filter(({ unseen }) => unseen.length === 0);
    assert.equal(waits.length, CLIENTS);
    // Each answer makes room for exactly one more.
    holding.release(1);
    await until(() => holding.handler.events.length === BOUND + 1, "the first of those that wait");
    await holding.holds(BOUND);
    for (let told = BOUND + 1; told < CLIENTS; told = holding.handler.events.length) {
      holding.release();
      await until(() => holding.handler.events.length > told, "those that wait");
    }
    holding.release();
    for (const client of clients) assert.equal((await client.ack(1)).success, true);
    const connections = holding.handler.events.map(({ headers }) => headers["ce-connectionid"]);
    assert.equal(new Set(connections).size, CLIENTS, "each event was told once");
    await canary.stop();
    await RawClient.closeAll(...clients);
    await Promise.all([server.stop(), holding.handler.stop(), canaryHandler.stop()]);
  });

  test("lets nobody wait for longer than the time-out: who had no turn by then has failed", async () => {
    const holding = await Holding.start(() => true);
    const server = await startConfigured(`[limits]\nupstream_call_timeout_ms = 1000\nupstream_calls_per_hub_max = 1\n${handlerTable("hanging", holding.handler.urlTemplate, 'user_event_pattern = "*"')}${handlerTable("connecting", holding.handler.urlTemplate, 'system_events = ["connect"]')}`);
    const clients = await Promise.all(Array.from({ length: 3 }, () => RawClient.json(server, "hanging")));
    for (const client of clients) client.send(event());
    const connecting = Array.from({ length: 3 }, () => RawClient.connect(clientUrl(server, "connecting")).catch((error) => error));
    for (const client of clients) assert.deepEqual((await client.ack(1)).error, { name: "InternalServerError", message: "Internal server error" });
    for (const refused of await Promise.all(connecting)) {
      assert.ok(refused instanceof HandshakeRefused, `${refused}`);
      assert.equal(refused.status, 500);
    }
    // The calls that were given up have left: there is room for new ones.
    holding.handler.answer = () => ({ status: 204 });
    clients[0].send(event(2));
    assert.equal((await clients[0].ack(2)).success, true);
    await RawClient.closeAll(...clients);
    await Promise.all([server.stop(), holding.handler.stop()]);
  });

  ofOneProcess(test)("does not take the turns of another hub, although both have their settings from _default", async () => {
    const holding = await Holding.start((request) => isUserEvent(request) && request.headers["ce-hub"] === "hanging");
    const server = await startConfigured(`[limits]\n${PATIENT}upstream_calls_per_hub_max = 2\n${handlerTable("_default", holding.handler.urlTemplate)}`);
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.json(server, "hanging")));
    for (const client of clients) client.send(event());
    await holding.holds(2);
    const other = await RawClient.json(server, "other");
    other.send(event());
    assert.equal((await other.ack(1)).success, true);
    await holding.holds(2);
    holding.release();
    await holding.holds(2);
    holding.release();
    for (const client of clients) assert.equal((await client.ack(1)).success, true);
    await RawClient.closeAll(other, ...clients);
    await Promise.all([server.stop(), holding.handler.stop()]);
  });
});

describe("notifications of a hub whose handler hangs", () => {
  test("do not keep those of other hubs from being told", async () => {
    // More than the service has under way at a time, to all handlers together.
    const CLIENTS = 1_100;
    const holding = await Holding.start(() => true);
    const healthy = await BareHandler.start();
    const notified = 'system_events = ["connected", "disconnected"]\nvalidate = false';
    const server = await startConfigured(`[limits]\n${PATIENT}upstream_calls_per_hub_max = 10000\n${handlerTable("hanging", holding.handler.urlTemplate, notified)}${handlerTable("healthy", healthy.urlTemplate, notified)}`);
    const clients = [];
    for (let index = 0; index < CLIENTS; index += 50) clients.push(...(await Promise.all(Array.from({ length: 50 }, () => RawClient.json(server, "hanging")))));
    await until(() => holding.held.length >= 500, () => `the hanging notifications; there are ${holding.held.length}`);
    const client = await RawClient.json(server, "healthy");
    await client.close(1000, "bye");
    await healthy.event("disconnected");
    assert.deepEqual(healthy.events.map(({ headers }) => headers["ce-eventname"]), ["connected", "disconnected"]);
    assert.ok(holding.held.length < CLIENTS, "the others wait for their turn");
    holding.handler.answer = () => ({ status: 204 });
    holding.release();
    await until(() => holding.handler.named("connected").length >= CLIENTS, () => `all of them; ${holding.handler.named("connected").length} so far`);
    assert.equal(holding.handler.named("connected").length, CLIENTS);
    await RawClient.closeAll(...clients);
    await until(() => holding.handler.named("disconnected").length >= CLIENTS, "the ends");
    await Promise.all([server.stop(), holding.handler.stop(), healthy.stop()]);
  });
});

describe("notifications of a hub that its handler does not allow", () => {
  test("do not keep those of other hubs from being told, although one URL template serves both", async () => {
    const handler = await BareHandler.start();
    handler.validation = ({ url }) => (url.includes("/refused/") ? { status: 404 } : { status: 200, headers: { "WebHook-Allowed-Origin": "*" } });
    const server = await startConfigured(handlerTable("_default", handler.urlTemplate, 'system_events = ["connected", "disconnected"]'));
    const refused = await RawClient.json(server, "refused");
    await until(() => server.output.stderr.includes("AbuseProtectionResponseInvalidStatusCode"), "the refusal");
    for (const hub of ["first", "second"]) {
      const client = await RawClient.json(server, hub);
      await client.close(1000);
    }
    await handler.event("disconnected", 2);
    assert.deepEqual(handler.events.map(({ headers }) => headers["ce-hub"]).sort(), ["first", "first", "second", "second"]);
    await refused.close(1000);
    await Promise.all([server.stop(), handler.stop()]);
  });
});
