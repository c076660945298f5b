// What nobody waits for: kept while a handler is away or the service is killed, and delivered in order, once it can be.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { join } from "node:path";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { binaryPath, ofOneProcess, startServer } from "./support/server.mjs";

const PRESENCE = 'system_events = ["connected", "disconnected"]\npresence_events = ["joined", "left"]';
const PRESENCE_SETTINGS = (handler) => handlerTable("chat", handler.urlTemplate, PRESENCE);
const name = ({ headers, body }) => `${headers["ce-eventname"]} ${JSON.parse(body).group ?? ""}`.trim();
const hubwire = (...args) => execFileSync(binaryPath(), args, { encoding: "utf8" });

/** The events of a connection, each once: a repeated delivery carries the same number. */
function sequence(handler, connectionId) {
  const seen = new Map();
  for (const event of handler.events) {
    if (event.headers["ce-connectionid"] === connectionId && !seen.has(event.headers["ce-id"])) seen.set(event.headers["ce-id"], event);
  }
  return [...seen.values()];
}

describe("the event outbox", () => {
  test("delivers in order what was raised while the handler was away", async () => {
    const away = await BareHandler.start();
    await away.stop();
    const service = await startConfigured(PRESENCE_SETTINGS(away));
    const client = await RawClient.json(service, "chat");
    await client.join("a");
    await client.join("b");
    await client.leave("a");
    await client.close(1000, "bye");
    const back = await BareHandler.start(away.port);
    await back.event("disconnected");
    assert.deepEqual(sequence(back, client.connectionId).map(name), ["connected", "joined a", "joined b", "left a", "left b", "disconnected"]);
    await Promise.all([service.stop(), back.stop()]);
  });

  ofOneProcess(test)("repeats what a handler could not take, and gives up what it refuses; an operator sees, replays and drops it", async () => {
    const handler = await BareHandler.start();
    let failures = 1;
    handler.answer = ({ headers }) => {
      if (headers["ce-eventname"] === "joined") return { status: 404 };
      if (headers["ce-eventname"] === "connected" && (failures -= 1) >= 0) return { status: 503 };
      return { status: 204 };
    };
    const service = await startConfigured(PRESENCE_SETTINGS(handler), { args: ["--workers", "1"] });
    await service.stop();
    const data = join(service.folder, "data");
    const again = await startServer({ args: ["--config", service.file, "--data-directory", data] });
    const client = await RawClient.json(again, "chat");
    await client.join("a");
    await client.join("b");
    await handler.event("joined", 2);
    assert.deepEqual(handler.events.map(name), ["connected", "connected", "joined a", "joined b"]);
    assert.equal(handler.events[0].headers["ce-id"], handler.events[1].headers["ce-id"]);
    const list = () => hubwire("outbox", "list", "--data-directory", data);
    await until(() => /2 given up/.test(list()), "the dead letters");
    assert.match(list(), new RegExp(`^\\d+  ${handler.urlTemplate.replace(/[{}]/g, "\\$&")}  connection ${client.connectionId}  1 attempt\\(s\\): the handler answered with status 404`, "m"));
    handler.answer = () => ({ status: 204 });
    const first = /^(\d+)  /m.exec(list())[1];
    assert.match(hubwire("outbox", "replay", first, "--data-directory", data), /1 event\(s\) will be delivered/);
    await handler.event("joined", 3);
    assert.equal(name(handler.named("joined")[2]), "joined a");
    assert.match(hubwire("outbox", "drop", "--all", "--data-directory", data), /1 event\(s\) dropped/);
    await client.close(1000);
    await again.stop();
    assert.match(list(), /^0 waiting \(0 bytes\), 0 given up/);
    const nothing = spawnSync(binaryPath(), ["outbox", "replay", "--all", "--data-directory", data], { encoding: "utf8" });
    assert.deepEqual([nothing.status, nothing.stderr], [1, "hubwire: no such event was given up\n"]);
    await handler.stop();
  });

  ofOneProcess(test)("loses nothing of 10,000 events when the service is killed in the middle, and keeps their order", async () => {
    const CLIENTS = 20;
    const ROUNDS = 250;
    const handler = await BareHandler.start();
    const service = await startConfigured(PRESENCE_SETTINGS(handler));
    await service.stop();
    const settings = ["--config", service.file, "--data-directory", join(service.folder, "data")];
    let server = await startServer({ args: settings });
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.json(server, "chat")));
    // Each round joins and leaves a group: two events. What has been acknowledged must be told.
    const acknowledged = new Map(clients.map((client) => [client.connectionId, ["connected"]]));
    const work = clients.map(async (client) => {
      const events = acknowledged.get(client.connectionId);
      for (let round = 0; round < ROUNDS; round += 1) {
        await client.join(`g${round}`);
        events.push(`joined g${round}`);
        await client.leave(`g${round}`);
        events.push(`left g${round}`);
      }
    });
    const done = Promise.allSettled(work);
    const count = () => [...acknowledged.values()].reduce((sum, events) => sum + events.length, 0);
    await until(() => count() > (CLIENTS * ROUNDS * 2) / 2, "half of the events", 60_000);
    server.kill();
    await done;
    assert.ok(count() < CLIENTS * ROUNDS * 2, "it was killed in the middle");
    server = await startServer({ args: settings });
    await until(() => handler.named("disconnected").length >= CLIENTS, () => `the ends of all; ${handler.named("disconnected").length} so far`, 60_000);
    for (const [connectionId, events] of acknowledged) {
      const told = sequence(handler, connectionId).map(name);
      assert.deepEqual(told.slice(0, events.length), events);
      assert.equal(told.at(-1), "disconnected", "the end is told, although the service did not live to see it");
      // At most what was under way when it was killed had no acknowledgement yet.
      assert.ok(told.length - events.length <= 2, told.slice(events.length).join());
    }
    console.log(`${count()} events acknowledged before the kill, ${handler.events.length} deliveries`);
    await server.stop();
    await handler.stop();
  });

  ofOneProcess(test)("without a folder says that it is in memory, and a folder that cannot be used stops the start in words", async () => {
    const handler = await BareHandler.start();
    const service = await startConfigured(PRESENCE_SETTINGS(handler));
    assert.match(service.output.stderr, /kept in memory, and are lost when the service ends: setting data_directory/);
    const file = join(service.folder, "file");
    writeFileSync(file, "");
    const refused = spawnSync(binaryPath(), ["serve", "--listen", "127.0.0.1:0", "--data-directory", file], { encoding: "utf8", timeout: 10_000 });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /setting `data_directory`: .*file\/outbox cannot be used/);
    await service.stop();
    const data = join(service.folder, "data");
    const first = await startServer({ args: ["--data-directory", data] });
    const second = spawnSync(binaryPath(), ["serve", "--listen", "127.0.0.1:0", "--data-directory", data], { encoding: "utf8", timeout: 10_000 });
    assert.match(second.stderr, /is in use by another process/);
    await first.stop();
    await handler.stop();
  });
});
