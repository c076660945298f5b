// The promise of the reliable protocol, kept by the official client through broken sockets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { elapse, until } from "./support/deadline.mjs";
import { Proxy } from "./support/proxy.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { RealtimeClient, serviceClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
let proxy;
before(async () => {
  server = await startServer();
  proxy = await Proxy.before(server);
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

const start = (hub, options) => RealtimeClient.start(server.through(proxy.port), hub, { protocol: "reliable", ...options });
const numbers = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);

test("10,000 numbered messages arrive once and in order through 50 cuts of the socket", async () => {
  const CUTS = 50;
  const BATCH = 200;
  const hub = server.hub("cuts");
  const client = await start(hub);
  await client.client.joinGroup("g");
  const publisher = await RawClient.json(server, hub);
  for (let cut = 0; cut < CUTS; cut += 1) {
    const first = cut * BATCH;
    for (const n of numbers(first, first + BATCH / 2)) publisher.send({ type: "sendToGroup", group: "g", dataType: "json", data: n });
    // The cut falls while the batch is under way: some of it is read, some on the wire, some not yet sent.
    await until(() => client.groupMessages.length > first, `the first message after cut ${cut}`);
    assert.equal(proxy.cut(), 1, "there is a socket to cut");
    for (const n of numbers(first + BATCH / 2, first + BATCH)) publisher.send({ type: "sendToGroup", group: "g", dataType: "json", data: n });
    await client.untilGroupMessages(first + BATCH);
  }
  await publisher.settled();
  // A marker behind the last message proves that nothing follows it.
  await publisher.publish("g", "end");
  const seen = await client.untilGroupMessages(CUTS * BATCH + 1);
  assert.deepEqual(seen.slice(0, -1).map((message) => message.data), numbers(0, CUTS * BATCH));
  assert.equal(seen.at(-1).data, "end");
  assert.deepEqual(seen.map((message) => message.sequenceId), numbers(1, CUTS * BATCH + 2));
  assert.equal(client.connections.length, 1, "the session was recovered each time, never replaced");
  assert.equal(client.disconnections.length, 0);
  await client.stop();
  await publisher.close(1000);
});

test("requests with their own ack ids take effect once through cuts", async () => {
  const COUNT = 300;
  const hub = server.hub("acks");
  const client = await start(hub, { options: { messageRetryOptions: { maxRetries: 100, retryDelayInMs: 20 } } });
  const reader = await RawClient.reliable(server, hub);
  await reader.join("g");
  const results = [];
  for (const n of numbers(0, COUNT)) {
    const sent = client.client.sendToGroup("g", n, "json", { ackId: 10_000 + n });
    if (n % 15 === 7) proxy.cut();
    results.push(await sent);
  }
  for (const n of numbers(0, COUNT)) assert.equal((await reader.message()).data, n);
  await reader.settled();
  assert.deepEqual(reader.unseen.map((frame) => frame.text), []);
  assert.deepEqual(results.map((result) => result.ackId), numbers(10_000, 10_000 + COUNT));
  await client.stop();
  await reader.close(1000);
});

test("messages sent while the client is away are there when it is back", async () => {
  const hub = server.hub("away");
  const client = await start(hub, { userId: "u" });
  await client.client.joinGroup("g");
  proxy.refuse();
  proxy.cut();
  // Away, but present: the session is still counted.
  const direct = serviceClient(server, hub);
  assert.deepEqual([await direct.connectionExists(client.connectionId), await direct.userExists("u"), await direct.groupExists("g")], [true, true, true]);
  await direct.group("g").sendToAll({ n: 1 });
  await direct.sendToUser("u", { n: 2 });
  await direct.sendToConnection(client.connectionId, { n: 3 });
  await direct.sendToAll({ n: 4 });
  proxy.admit();
  assert.deepEqual((await client.untilServerMessages(3)).map((message) => message.data.n), [2, 3, 4]);
  assert.deepEqual((await client.untilGroupMessages(1)).map((message) => message.data.n), [1]);
  assert.equal(client.connections.length, 1);
  await client.stop();
});

test("a message whose time to live ends while the client is away is dropped", async () => {
  const hub = server.hub("ttl");
  const client = await start(hub);
  const direct = serviceClient(server, hub);
  proxy.refuse();
  proxy.cut();
  await direct.sendToAll("too late", { contentType: "text/plain", messageTtlSeconds: 1 });
  await direct.sendToAll("in time", { contentType: "text/plain", messageTtlSeconds: 60 });
  await direct.sendToAll("for ever", { contentType: "text/plain" });
  await elapse(2_100);
  proxy.admit();
  const seen = await client.untilServerMessages(2);
  assert.deepEqual(seen.map((message) => message.data), ["in time", "for ever"]);
  await client.stop();
});

test("a close by the application is not recovered", async () => {
  const client = await start(server.hub("closed"));
  const first = client.connectionId;
  await client.service.closeConnection(first, { reason: "over" });
  await client.untilConnected(2);
  assert.notEqual(client.connectionId, first);
  assert.equal(client.disconnections.length, 1);
  await client.stop();
});

test("a session closed by the application while its client is away is not recovered", async () => {
  const hub = server.hub("closed");
  const client = await start(hub);
  const first = client.connectionId;
  const direct = serviceClient(server, hub);
  proxy.refuse();
  proxy.cut();
  await direct.closeConnection(first);
  assert.equal(await direct.connectionExists(first), false);
  proxy.admit();
  await client.untilConnected(2);
  assert.notEqual(client.connectionId, first);
  await client.stop();
});

test("an ack id used before the break is a duplicate after it", async () => {
  const hub = server.hub("duplicate");
  const client = await start(hub, { options: { messageRetryOptions: { maxRetries: 100, retryDelayInMs: 20 } } });
  await client.client.joinGroup("g");
  assert.equal((await client.client.sendToGroup("g", "once", "text", { ackId: 77 })).isDuplicated, false);
  await client.untilGroupMessages(1);
  const accepted = proxy.accepted;
  proxy.cut();
  await until(() => proxy.accepted > accepted, "the recovery");
  assert.equal((await client.client.sendToGroup("g", "twice", "text", { ackId: 77 })).isDuplicated, true);
  await client.client.sendToGroup("g", "next", "text");
  assert.deepEqual((await client.untilGroupMessages(2)).map((message) => message.data), ["once", "next"]);
  await client.stop();
});

test("the client recovers although the server still believes in the old socket", async () => {
  const hub = server.hub("takeover");
  const client = await start(hub);
  await client.client.joinGroup("g");
  const publisher = await RawClient.json(server, hub);
  await publisher.publish("g", "before");
  await client.untilGroupMessages(1);
  proxy.cutClients();
  await publisher.publish("g", "between");
  await publisher.publish("g", "after");
  assert.deepEqual((await client.untilGroupMessages(3)).map((message) => message.data), ["before", "between", "after"]);
  assert.equal(client.connections.length, 1);
  await client.stop();
  await publisher.close(1000);
});

test("groups and permissions survive the break", async () => {
  const hub = server.hub("survive");
  const client = await start(hub, { roles: [], options: { messageRetryOptions: { maxRetries: 100, retryDelayInMs: 20 } } });
  const id = client.connectionId;
  const direct = serviceClient(server, hub);
  await direct.grantPermission(id, "sendToGroup", { targetName: "g" });
  proxy.refuse();
  proxy.cut();
  await direct.grantPermission(id, "joinLeaveGroup", { targetName: "h" });
  await direct.group("g").addConnection(id);
  proxy.admit();
  await client.client.sendToGroup("g", "mine", "text");
  assert.equal((await client.untilGroupMessages(1))[0].data, "mine");
  await client.client.joinGroup("h");
  assert.equal(client.connections.length, 1);
  await client.stop();
});
