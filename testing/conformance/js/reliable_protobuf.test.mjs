// Clients of protobuf.reliable.webpubsub.azure.v1, made from the published schema.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ProtobufClient, RELIABLE_PROTOBUF_PROTOCOL } from "./support/protobuf_client.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { ofNumberedStates, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer({ args: ["--workers", "3"] })));
after(() => server.stop());

const text = (value) => ({ text_data: value });

test("data messages are numbered from 1, and nothing else is", async () => {
  const hub = server.hub();
  const client = await ProtobufClient.reliable(server, hub, { groups: ["g"] });
  await client.publish("g", text("one"));
  await new Hub(server, hub).sendText("", "two");
  assert.equal((await client.data()).sequence_id, "1");
  assert.equal((await client.data()).sequence_id, "2");
  await client.settled();
  await client.close(1000);
});

test("a recovery replays what was not acknowledged, byte for byte, before anything new, and nothing else", async () => {
  const hub = server.hub();
  const rest = new Hub(server, hub);
  const client = await ProtobufClient.reliable(server, hub, { groups: ["g"] });
  for (const number of [1, 2, 3]) await rest.sendText("/groups/g", `m${number}`);
  const first = [];
  for (let n = 0; n < 3; n += 1) first.push((await client.nextFrame("a message", "data_message")).bytes);
  client.send({ sequence_ack_message: { sequence_id: 1 } });
  await client.settled();
  client.raw.cut();
  await client.closed();
  await rest.sendText("/groups/g", "m4");
  await client.recover(server, hub);
  assert.equal(client.raw.protocol, RELIABLE_PROTOBUF_PROTOCOL);
  assert.deepEqual((await client.nextFrame()).bytes, first[1]);
  assert.deepEqual((await client.nextFrame()).bytes, first[2]);
  assert.deepEqual(await client.data(), { from: "group", group: "g", data: text("m4"), sequence_id: "4" });
  await client.settled();
  assert.equal(client.raw.unseen.length, 0, "no second greeting");
  await client.close(1000);
});

test("an ack id that took effect before the break is a duplicate after it", async () => {
  const hub = server.hub();
  const client = await ProtobufClient.reliable(server, hub);
  await client.request("join_group_message", { group: "g", ack_id: 7 });
  client.raw.cut();
  await client.closed();
  await client.recover(server, hub);
  assert.equal((await client.request("join_group_message", { group: "g", ack_id: 7 })).error.name, "Duplicate");
  await client.close(1000);
});

test("a session that its client ended cannot be recovered", async () => {
  const hub = server.hub();
  const client = await ProtobufClient.reliable(server, hub);
  await client.close(1000);
  await client.recover(server, hub);
  assert.deepEqual(await client.closed(), { code: 1008, reason: "The connection could not be recovered." });
});

ofNumberedStates(test)("states of groups are numbered with the messages and replayed with them", async () => {
  const hub = server.hub();
  const roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup", "webpubsub.setGroupState", "webpubsub.getGroupState"];
  const client = await ProtobufClient.reliable(server, hub, { groups: ["g"], roles });
  const setter = await RawClient.json(server, hub, { groups: ["g"], userId: "u", roles });
  await client.request("subscribe_group_state_message", { group: "g" });
  assert.deepEqual((await client.next("the snapshot", "group_state_snapshot_message")).group_state_snapshot_message, { group: "g", sequence_id: "1" });
  client.raw.cut();
  await client.closed();
  await setter.request({ type: "setGroupState", group: "g", state: { k: "v" } });
  await setter.publish("g", "after");
  await client.recover(server, hub);
  assert.equal((await client.next()).group_state_snapshot_message.sequence_id, "1");
  const update = (await client.next()).group_state_update_message;
  assert.deepEqual([update.sequence_id, update.items[0].user_id, update.items[0].state], ["2", "u", { entries: { k: "v" } }]);
  assert.equal((await client.data()).sequence_id, "3");
  await RawClient.closeAll(client, setter);
});

test("a thousand messages arrive once and in order through ten cuts", async () => {
  const hub = server.hub();
  const client = await ProtobufClient.reliable(server, hub, { groups: ["g"] });
  const sender = await ProtobufClient.open(server, hub);
  const seen = [];
  const publish = async (from, to) => {
    for (let n = from; n < to; n += 1) sender.send({ send_to_group_message: { group: "g", data: text(`${n}`) } });
    await sender.settled();
  };
  for (let round = 0; round < 10; round += 1) {
    await publish(round * 100, round * 100 + 50);
    client.raw.cut();
    await client.closed();
    await publish(round * 100 + 50, round * 100 + 100);
    await client.recover(server, hub);
    while (seen.length < (round + 1) * 100) {
      const message = await client.data();
      if (Number(message.sequence_id) > seen.length) seen.push(message.data.text_data);
    }
    client.send({ sequence_ack_message: { sequence_id: seen.length } });
  }
  assert.deepEqual(seen, Array.from({ length: 1000 }, (_, n) => `${n}`));
  await RawClient.closeAll(client, sender);
});
