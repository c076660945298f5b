// States of groups: what setters and subscribers see, on several workers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ProtobufClient } from "./support/protobuf_client.mjs";
import { ALL_ROLES, RawClient, recover } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { ofNumberedStates, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer({ args: ["--workers", "3"] })));
after(() => server.stop());

const ROLES = [...ALL_ROLES, "webpubsub.setGroupState", "webpubsub.getGroupState"];
const member = (hub, userId, { kind = "json", ...options } = {}) => RawClient[kind](server, hub, { groups: ["g"], roles: ROLES, userId, ...options });
const set = (client, state) => client.request({ type: "setGroupState", group: "g", state });
const subscribe = (client, more = {}) => client.request({ type: "subscribeGroupState", group: "g", ...more });
const report = (client) => client.frame((one) => one.json?.type?.startsWith("groupState"), "a report on states").then((frame) => frame.json);

test("a subscriber is told the states that are there, then each change, then nothing more", async () => {
  const hub = server.hub();
  const [setter, subscriber] = [await member(hub, "alice"), await member(hub)];
  const before = Date.now() - 1000;
  assert.equal((await set(setter, { k: "v" })).success, true);
  subscriber.send({ type: "subscribeGroupState", group: "g", ackId: 1 });
  assert.deepEqual((await subscriber.next()).json, { type: "ack", ackId: 1, success: true });
  const snapshot = (await subscriber.next()).json;
  const [{ updatedAt, ...item }] = snapshot.items;
  assert.deepEqual([snapshot.type, snapshot.group, item], ["groupStateSnapshot", "g", { connectionId: setter.connectionId, userId: "alice", state: { k: "v" } }]);
  assert.ok(updatedAt > before && updatedAt < Date.now() + 1000, "milliseconds since 1970");
  await set(setter, { k: "w", n: "1" });
  const update = await report(subscriber);
  assert.deepEqual([update.type, update.items.length, update.items[0].state], ["groupStateUpdate", 1, { k: "w", n: "1" }]);
  assert.ok(update.items[0].updatedAt > updatedAt);
  await set(setter, undefined);
  assert.deepEqual(Object.keys((await report(subscriber)).items[0]), ["connectionId", "userId", "updatedAt"]);
  assert.equal((await subscriber.request({ type: "unsubscribeGroupState", group: "g" })).success, true);
  await set(setter, { k: "x" });
  await setter.publish("g", "marker");
  assert.equal((await subscriber.next()).json.data, "marker");
  await RawClient.closeAll(setter, subscriber);
});

test("a setter that subscribes sees its own change before its acknowledgement", async () => {
  const client = await member(server.hub());
  await subscribe(client);
  assert.deepEqual((await report(client)).items, []);
  client.send({ type: "setGroupState", group: "g", state: { k: "v" }, ackId: 9 });
  assert.equal((await client.next()).json.type, "groupStateUpdate");
  assert.deepEqual((await client.next()).json, { type: "ack", ackId: 9, success: true });
  await client.close(1000);
});

describe("a state goes with its owner", () => {
  const ends = {
    "that leaves": (client) => client.leave("g"),
    "that the application removes": (client, hub) => new Hub(server, hub).call("DELETE", `/groups/g/connections/${client.connectionId}`),
    "that says goodbye": (client) => client.close(1000),
    "whose socket breaks": (client) => client.cut(),
  };
  for (const [what, end] of Object.entries(ends)) {
    test(what, async () => {
      const hub = server.hub();
      const [setter, subscriber] = [await member(hub, "alice"), await member(hub)];
      await subscribe(subscriber);
      await report(subscriber);
      await set(setter, { k: "v" });
      assert.deepEqual((await report(subscriber)).items[0].state, { k: "v" });
      await end(setter, hub);
      assert.equal((await report(subscriber)).items[0].state, undefined);
      await subscribe(subscriber);
      assert.deepEqual((await report(subscriber)).items, []);
      await RawClient.closeAll(subscriber);
    });
  }
});

test("what is not allowed is refused in words, in the order permission, size, membership", async () => {
  const hub = server.hub();
  const big = { k: "x".repeat(512) };
  const [nobody, stranger] = [await member(hub, "a", { roles: ALL_ROLES }), await member(hub, "b", { groups: [] })];
  assert.deepEqual((await set(nobody, big)).error, { name: "Forbidden", message: "Permission denied." });
  assert.deepEqual((await subscribe(nobody)).error, { name: "Forbidden", message: "No permission to get states of group g." });
  assert.deepEqual((await set(stranger, big)).error, { name: "BadRequest", message: "State payload exceeds maximum size 512 bytes." });
  assert.deepEqual((await set(stranger, {})).error, { name: "Forbidden", message: "Not a member of group." });
  assert.deepEqual((await subscribe(stranger)).error, { name: "Forbidden", message: "Not a member of group g." });
  await RawClient.closeAll(nobody, stranger);
});

test("a role may name a pattern of groups", async () => {
  const client = await member(server.hub(), "a", { roles: ["webpubsub.setGroupState.room.*"], groups: ["room.1", "hall"] });
  assert.equal((await client.request({ type: "setGroupState", group: "room.1", state: {} })).success, true);
  assert.equal((await client.request({ type: "setGroupState", group: "hall", state: {} })).success, false);
  await client.close(1000);
});

test("requests behind one on states are served after it, in their order", async () => {
  const client = await member(server.hub());
  for (let n = 1; n <= 20; n += 1) {
    client.send({ type: "setGroupState", group: "g", state: { n: `${n}` }, ackId: 2 * n });
    client.send({ type: "sendToGroup", group: "g", noEcho: true, data: n, ackId: 2 * n + 1 });
  }
  for (let n = 2; n <= 41; n += 1) assert.deepEqual((await client.next()).json, { type: "ack", ackId: n, success: true });
  await client.close(1000);
});

test("many setters at once: each subscriber, whenever it came, ends up with what is so", async () => {
  const hub = server.hub();
  const setters = [];
  for (let n = 0; n < 12; n += 1) setters.push(await member(hub, `s${n}`));
  const subscribers = [await member(hub), await member(hub, "r", { kind: "reliable" }), await ProtobufClient.open(server, hub, { groups: ["g"], roles: ROLES })];
  const rounds = setters.map(async (setter, index) => {
    for (let n = 0; n < 30; n += 1) await set(setter, index % 4 === 3 && n === 29 ? undefined : { n: `${index}.${n}` });
  });
  await subscribe(subscribers[0]);
  await subscribe(subscribers[1]);
  await subscribers[2].request("subscribe_group_state_message", { group: "g" });
  await Promise.all(rounds);
  await set(subscribers[0], { last: "1" });
  const view = new Map();
  const apply = ({ connectionId, state, updatedAt }, known) => {
    assert.ok(!known.has(connectionId) || updatedAt > known.get(connectionId).updatedAt, "no change comes twice, or late");
    known.set(connectionId, { state, updatedAt });
  };
  const expected = setters.map((setter, index) => [setter.connectionId, index % 4 === 3 ? undefined : { n: `${index}.29` }]);
  for (const subscriber of subscribers.slice(0, 2)) {
    view.clear();
    for (;;) {
      const { type, items } = await report(subscriber);
      if (type === "groupStateSnapshot") view.clear();
      items.forEach((item) => apply(item, view));
      if (items.some((item) => item.state?.last)) break;
    }
    for (const [id, state] of expected) assert.deepEqual(view.get(id)?.state, state);
  }
  view.clear();
  for (;;) {
    const message = await subscribers[2].next("a report");
    const { items = [] } = message.group_state_snapshot_message ?? message.group_state_update_message ?? {};
    items.forEach((item) => apply({ connectionId: item.connection_id, state: item.state?.entries, updatedAt: Number(item.updated_at) }, view));
    if (items.some((item) => item.state?.entries?.last)) break;
  }
  for (const [id, state] of expected) assert.deepEqual(view.get(id)?.state, state);
  await RawClient.closeAll(...setters, ...subscribers);
});

ofNumberedStates(test)("a reliable subscriber that was away misses no change and sees none twice", async () => {
  const hub = server.hub();
  const [setter, subscriber] = [await member(hub, "alice"), await member(hub, "bob", { kind: "reliable" })];
  await subscribe(subscriber);
  assert.equal((await report(subscriber)).sequenceId, 1);
  subscriber.send({ type: "sequenceAck", sequenceId: 1 });
  await subscriber.settled();
  subscriber.cut();
  await subscriber.closed();
  for (let n = 0; n < 5; n += 1) await set(setter, { n: `${n}` });
  const back = await recover(server, hub, subscriber);
  for (let n = 0; n < 5; n += 1) {
    const { sequenceId, items } = await report(back);
    assert.deepEqual([sequenceId, items[0].state], [n + 2, { n: `${n}` }]);
  }
  await set(setter, { n: "after" });
  assert.equal((await report(back)).sequenceId, 7);
  await RawClient.closeAll(setter, back);
});
