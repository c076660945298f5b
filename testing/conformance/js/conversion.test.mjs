// Every kind of payload from every kind of sender to every kind of receiver.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const TEXT = 'täxt "quoted" \\ \u2028 \u{1F600}';
const JSON_TEXT = '{"n" : 1.50,"s":"\\u00e9","l":[ ]}';
const BYTES = Buffer.from([0, 10, 127, 128, 255]);

/** What each receiver must get for a payload, as `[kind, value]`. */
const EXPECTED = {
  text: { simple: [false, TEXT], json: ["text", TEXT] },
  json: { simple: [false, JSON_TEXT], json: ["json", JSON.parse(JSON_TEXT)] },
  binary: { simple: [true, BYTES.toString("base64")], json: ["binary", BYTES.toString("base64")] },
};

async function audience(name) {
  return {
    simple: await RawClient.simple(server, name, { groups: ["g"] }),
    json: await RawClient.json(server, name, { groups: ["g"] }),
    reliable: await RawClient.reliable(server, name, { groups: ["g"] }),
  };
}

async function assertArrives(receivers, kind, from, fromUserId) {
  const frame = await receivers.simple.next();
  assert.deepEqual([frame.isBinary, frame.isBinary ? frame.data.toString("base64") : frame.text], EXPECTED[kind].simple);
  for (const protocol of ["json", "reliable"]) {
    const message = await receivers[protocol].message();
    assert.deepEqual([message.dataType, message.data], EXPECTED[kind].json);
    assert.equal(message.from, from);
    assert.deepEqual([message.group, message.fromUserId], from === "group" ? ["g", fromUserId] : [undefined, undefined]);
    assert.equal(message.sequenceId, protocol === "reliable" ? 1 : undefined);
  }
}

const PAYLOADS = { text: TEXT, json: JSON_TEXT, binary: BYTES };
const rawJson = (kind) => ({ text: JSON.stringify(TEXT), json: JSON_TEXT, binary: `"${BYTES.toString("base64")}"` })[kind];

for (const kind of ["text", "json", "binary"]) {
  describe(`${kind} payloads`, () => {
    for (const path of ["", "/groups/g"]) {
      test(`from REST to ${path || "the hub"}`, async () => {
        const name = server.hub();
        const receivers = await audience(name);
        const hub = new Hub(server, name);
        const send = { text: hub.sendText, json: hub.sendJson, binary: hub.sendBinary }[kind];
        assert.equal((await send.call(hub, path, PAYLOADS[kind])).status, 202);
        await assertArrives(receivers, kind, path ? "group" : "server", null);
        await RawClient.closeAll(...Object.values(receivers));
      });
    }

    for (const protocol of ["json", "reliable"]) {
      test(`from a ${protocol} client`, async () => {
        const name = server.hub();
        const receivers = await audience(name);
        const sender = await RawClient[protocol](server, name, { userId: "s" });
        sender.sendText(`{"type":"sendToGroup","group":"g","dataType":"${kind}","data":${rawJson(kind)}}`);
        await assertArrives(receivers, kind, "group", "s");
        await RawClient.closeAll(sender, ...Object.values(receivers));
      });
    }

    if (kind !== "json") {
      test("from a simple client", async () => {
        const name = server.hub();
        const receivers = await audience(name);
        const sender = await RawClient.simple(server, name, { userId: "s", roles: ["webpubsub.sendToGroup"], query: { webpubsub_mode: "sendToGroup", group: "g" } });
        if (kind === "text") sender.sendText(TEXT);
        else sender.sendBinary(BYTES);
        await assertArrives(receivers, kind, "group", "s");
        await RawClient.closeAll(sender, ...Object.values(receivers));
      });
    }
  });
}

test("empty payloads stay what they are", async () => {
  const name = server.hub();
  const hub = new Hub(server, name);
  const [simple, client] = [await RawClient.simple(server, name), await RawClient.json(server, name)];
  await hub.sendText("", "");
  await hub.sendBinary("", Buffer.alloc(0));
  assert.deepEqual([(await simple.next()).text, (await simple.next()).isBinary], ["", true]);
  const messages = [await client.message(), await client.message()];
  assert.deepEqual(messages.map(({ dataType, data }) => [dataType, data]), [["text", ""], ["binary", ""]]);
  await RawClient.closeAll(simple, client);
});

describe("metadata", () => {
  test("of a client reaches JSON receivers with its keys as written", async () => {
    const name = server.hub();
    const receivers = await audience(name);
    const sender = await RawClient.json(server, name);
    assert.equal((await sender.publish("g", "x", { metadata: { Trace: "A, b", trace: "", "x-!#$%&'*+.^_`|~": "1" } })).success, true);
    for (const protocol of ["json", "reliable"]) assert.deepEqual((await receivers[protocol].message()).metadata, { Trace: "A, b", trace: "", "x-!#$%&'*+.^_`|~": "1" });
    assert.equal((await receivers.simple.next()).text, "x");
    await RawClient.closeAll(sender, ...Object.values(receivers));
  });

  test("of a client may stand without data, which is then empty text", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    client.send({ type: "sendToGroup", group: "g", metadata: { a: "1" } });
    assert.deepEqual(await client.message(), { type: "message", from: "group", group: "g", fromUserId: null, dataType: "text", data: "", metadata: { a: "1" } });
    await client.close(1000);
  });

  test("of a client may be empty, and then arrives empty", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    client.send({ type: "sendToGroup", group: "g", data: 1, metadata: {} });
    assert.deepEqual((await client.message()).metadata, {});
    await client.close(1000);
  });

  test("of a client may use its limits fully", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    const metadata = { ["k".repeat(256)]: "v".repeat(1024) };
    for (let n = 0; n < 6; n += 1) metadata[`k${n}`] = "v".repeat(1024);
    const used = Object.entries(metadata).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    metadata.last = "v".repeat(8192 - used - "last".length);
    assert.equal((await client.publish("g", "x", { metadata })).success, true);
    assert.deepEqual((await client.message()).metadata, metadata);
    await client.close(1000);
  });

  test("of a REST call has lower-case keys and the part after the last comma", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name, { userId: "u", groups: ["g"] });
    const hub = new Hub(server, name);
    for (const path of ["", "/users/u", "/groups/g", `/connections/${client.connectionId}`]) {
      assert.equal((await hub.sendText(path, "x", {}, { "X-WebPubSub-Metadata-TraceId": "first, final", "x-webpubsub-metadata-plain": "v" })).status, 202);
      assert.deepEqual((await client.message()).metadata, { traceid: "final", plain: "v" });
    }
    await client.close(1000);
  });

  test("of a REST call takes the last of repeated headers", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    await new Hub(server, name).sendText("", "x", {}, { "X-WebPubSub-Metadata-A": ["one", "two"] });
    assert.deepEqual((await client.message()).metadata, { a: "two" });
    await client.close(1000);
  });

  test("is absent where none was given", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    await new Hub(server, name).sendText("", "x");
    assert.equal("metadata" in (await client.message()), false);
    await client.close(1000);
  });

  const refused = [
    ["a value of 1025 bytes", { "X-WebPubSub-Metadata-k": "v".repeat(1025) }, "Metadata value for key 'k' exceeds 1024 bytes."],
    ["a key of 257 bytes", { [`X-WebPubSub-Metadata-${"k".repeat(257)}`]: "v" }, `Metadata key '${"k".repeat(257)}' exceeds 256 bytes.`],
    ["more than 8192 bytes", Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`X-WebPubSub-Metadata-k${n}`, "v".repeat(1000)])), "Metadata exceeds 8192 bytes."],
  ];
  for (const [what, headers, message] of refused) {
    test(`of a REST call with ${what} gets 400`, async () => {
      const answer = await new Hub(server, server.hub()).sendText("", "x", {}, headers);
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json, { code: "Error.BadRequest", message, target: "Request" });
    });
  }

  test("of a REST call with an empty key gets 400", async () => {
    assert.equal((await new Hub(server, server.hub()).sendText("", "x", {}, { "X-WebPubSub-Metadata-": "v" })).status, 400);
  });
});
