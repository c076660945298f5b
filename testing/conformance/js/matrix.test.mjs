// Every kind of sender, every kind of payload, every kind of recipient, in one group: the exact frames.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ProtobufClient, anyBytes, decode } from "./support/protobuf_client.mjs";
import { ALL_ROLES, RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { DEVELOPMENT_KEY, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer({ args: ["--workers", "3"] })));
after(() => server.stop());

const TEXT = 'täxt "q" \u{1F600}';
const JSON_TEXT = '{"n" : 1.50,"s":"\\u00e9","l":[ ]}';
const BYTES = Buffer.from([0, 10, 127, 128, 255]);
const ANY = anyBytes("type.example.com/Point", Buffer.from([8, 1]));

/** A payload as each kind of recipient sees it. */
const PAYLOADS = {
  text: { simple: [false, TEXT], json: `"dataType":"text","data":${JSON.stringify(TEXT)}`, protobuf: { text_data: TEXT } },
  json: { simple: [false, JSON_TEXT], json: `"dataType":"json","data":${JSON_TEXT}`, protobuf: { json_data: JSON_TEXT } },
  binary: { simple: [true, BYTES.toString("base64")], json: `"dataType":"binary","data":"${BYTES.toString("base64")}"`, protobuf: { binary_data: BYTES.toString("base64") } },
  any: {
    simple: [true, ANY.toString("base64")],
    json: `"dataType":"protobuf","data":"${ANY.toString("base64")}"`,
    protobuf: { protobuf_data: { type_url: "type.example.com/Point", value: "CAE=" } },
  },
};

const jsonPayload = { text: JSON.stringify(TEXT), json: JSON_TEXT, binary: `"${BYTES.toString("base64")}"`, any: `"${ANY.toString("base64")}"` };
const protobufPayload = { text: { text_data: TEXT }, json: { json_data: JSON_TEXT }, binary: { binary_data: BYTES }, any: { protobuf_data: { type_url: "type.example.com/Point", value: Buffer.from([8, 1]) } } };
const jsonType = { text: "text", json: "json", binary: "binary", any: "protobuf" };

const jsonSender = (reliable) => ({
  kinds: ["text", "json", "binary", "any"],
  user: "sender",
  open: (name) => (reliable ? RawClient.reliable : RawClient.json)(server, name, { userId: "sender" }),
  send: (client, kind) => client.sendText(`{"type":"sendToGroup","group":"g","dataType":"${jsonType[kind]}","data":${jsonPayload[kind]}}`),
});
const protobufSender = (reliable) => ({
  kinds: ["text", "json", "binary", "any"],
  user: "sender",
  open: (name) => ProtobufClient.open(server, name, { reliable, userId: "sender" }),
  send: (client, kind) => client.send({ send_to_group_message: { group: "g", data: protobufPayload[kind] } }),
});

const SENDERS = {
  REST: {
    kinds: ["text", "json", "binary"],
    user: null,
    open: (name) => new Hub(server, name),
    send: async (hub, kind) => {
      const send = { text: hub.sendText, json: hub.sendJson, binary: hub.sendBinary }[kind];
      assert.equal((await send.call(hub, "/groups/g", { text: TEXT, json: JSON_TEXT, binary: BYTES }[kind])).status, 202);
    },
  },
  simple: {
    kinds: ["text", "binary"],
    user: "sender",
    open: (name) => RawClient.simple(server, name, { userId: "sender", roles: ALL_ROLES, query: { webpubsub_mode: "sendToGroup", group: "g" } }),
    send: (client, kind) => (kind === "text" ? client.sendText(TEXT) : client.sendBinary(BYTES)),
  },
  JSON: jsonSender(false),
  "reliable JSON": jsonSender(true),
  protobuf: protobufSender(false),
  "reliable protobuf": protobufSender(true),
};

async function audience(name, from = server) {
  const options = { groups: ["g"] };
  return {
    simple: await RawClient.simple(from, name, options),
    json: await RawClient.json(from, name, options),
    reliable: await RawClient.reliable(from, name, options),
    protobuf: await ProtobufClient.open(from, name, options),
    reliableProtobuf: await ProtobufClient.reliable(from, name, options),
  };
}

function jsonFrame(payload, user, sequenceId) {
  const sequence = sequenceId ? `"sequenceId":${sequenceId},` : "";
  return `{${sequence}"type":"message","from":"group","group":"g","fromUserId":${JSON.stringify(user)},${payload}}`;
}

async function assertSeen(receivers, expected, user, sequenceId) {
  const simple = await receivers.simple.next();
  assert.deepEqual([simple.isBinary, simple.isBinary ? simple.data.toString("base64") : simple.text], expected.simple);
  assert.equal((await receivers.json.next()).text, jsonFrame(expected.json, user));
  assert.equal((await receivers.reliable.next()).text, jsonFrame(expected.json, user, sequenceId));
  const plain = await receivers.protobuf.nextFrame();
  assert.deepEqual(plain.message, { data_message: { from: "group", group: "g", data: expected.protobuf } });
  const numbered = await receivers.reliableProtobuf.nextFrame();
  assert.deepEqual(numbered.message, { data_message: { from: "group", group: "g", data: expected.protobuf, sequence_id: String(sequenceId) } });
  // The same bytes, with the number in front of them.
  assert.deepEqual(numbered.bytes.subarray(4), plain.bytes.subarray(2));
  assert.deepEqual([...numbered.bytes.subarray(0, 4)], [0x12, plain.bytes[1] + 2, 0x20, sequenceId]);
}

for (const [kindOfSender, sender] of Object.entries(SENDERS)) {
  test(`from ${kindOfSender}: ${sender.kinds.join(", ")}, to clients of every kind`, async () => {
    const name = server.hub();
    const receivers = await audience(name);
    const from = await sender.open(name);
    for (const [index, kind] of sender.kinds.entries()) {
      await sender.send(from, kind);
      await assertSeen(receivers, PAYLOADS[kind], sender.user, index + 1);
    }
    await RawClient.closeAll(...Object.values(receivers));
  });
}

describe("messages of the application", () => {
  for (const [kind, send] of [["text", "sendText"], ["json", "sendJson"], ["binary", "sendBinary"]]) {
    test(`${kind} to the hub comes from the server`, async () => {
      const name = server.hub();
      const receivers = await audience(name);
      await new Hub(server, name)[send]("", { text: TEXT, json: JSON_TEXT, binary: BYTES }[kind]);
      const { simple, json, protobuf } = PAYLOADS[kind];
      const bare = await receivers.simple.next();
      assert.deepEqual([bare.isBinary, bare.isBinary ? bare.data.toString("base64") : bare.text], simple);
      assert.equal((await receivers.json.next()).text, `{"type":"message","from":"server",${json}}`);
      assert.equal((await receivers.reliable.next()).text, `{"sequenceId":1,"type":"message","from":"server",${json}}`);
      assert.deepEqual(await receivers.protobuf.next(), { data_message: { from: "server", data: protobuf } });
      assert.deepEqual(await receivers.reliableProtobuf.next(), { data_message: { from: "server", data: protobuf, sequence_id: "1" } });
      await RawClient.closeAll(...Object.values(receivers));
    });
  }
});

test("metadata reaches JSON and protobuf clients, whoever attached it", async () => {
  const name = server.hub();
  const receivers = await audience(name);
  const senders = [await ProtobufClient.open(server, name), await RawClient.json(server, name)];
  senders[0].send({ send_to_group_message: { group: "g", data: { text_data: "a" }, metadata: { Trace: "t1" } } });
  for (const [client, field] of [[receivers.json, "json"], [receivers.reliable, "json"]]) {
    assert.deepEqual((await client.next())[field].metadata, { Trace: "t1" });
  }
  for (const client of [receivers.protobuf, receivers.reliableProtobuf]) assert.deepEqual((await client.data()).metadata, { Trace: "t1" });
  senders[1].send({ type: "sendToGroup", group: "g", metadata: { k: "v" } });
  assert.deepEqual(await receivers.protobuf.data(), { from: "group", group: "g", data: { text_data: "" }, metadata: { k: "v" } });
  await RawClient.closeAll(...Object.values(receivers), ...senders);
});

test("with protobuf_json = \"text\" JSON reaches protobuf clients as text, and nobody else notices", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-"));
  writeFileSync(join(folder, "hubwire.toml"), `access_key = "${DEVELOPMENT_KEY}"\nprotobuf_json = "text"\n`);
  const other = await startServer({ args: ["--config", join(folder, "hubwire.toml")] });
  try {
    const name = other.hub();
    const receivers = await audience(name, other);
    await new Hub(other, name).sendJson("/groups/g", JSON_TEXT);
    assert.equal((await receivers.json.next()).text, jsonFrame(PAYLOADS.json.json, null));
    for (const client of [receivers.protobuf, receivers.reliableProtobuf]) assert.deepEqual((await client.data()).data, { text_data: JSON_TEXT });
    await RawClient.closeAll(...Object.values(receivers));
  } finally {
    await other.stop();
    rmSync(folder, { recursive: true });
  }
});

test("a frame that was written by hand is decoded as the schema says", () => {
  const vector = Buffer.from("120d0a067365727665721a030a0161", "hex");
  assert.deepEqual(decode(vector), { data_message: { from: "server", data: { text_data: "a" } } });
});
