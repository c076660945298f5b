// Clients of protobuf.webpubsub.azure.v1, made from the published schema.
import assert from "node:assert/strict";
import http from "node:http";
import Long from "long";
import { after, before, describe, test } from "node:test";
import { PROTOBUF_PROTOCOL, ProtobufClient, RELIABLE_PROTOBUF_PROTOCOL, encode } from "./support/protobuf_client.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const MAX = "18446744073709551615";
const text = (value) => ({ text_data: value });

describe("the greeting", () => {
  test("names connection and user, and gives a plain client nothing to recover with", async () => {
    const client = await ProtobufClient.open(server, server.hub(), { userId: "alice" });
    assert.match(client.greeting.connection_id, /^[0-9a-f]{32}$/);
    assert.deepEqual(client.greeting, { connection_id: client.connectionId, user_id: "alice" });
    await client.close(1000);
  });

  test("names nobody where there is no user, and gives a reliable client its token", async () => {
    const client = await ProtobufClient.reliable(server, server.hub());
    assert.deepEqual(Object.keys(client.greeting), ["connection_id", "reconnection_token"]);
    await client.close(1000);
  });
});

describe("offered subprotocols", () => {
  const greeted = { json: (one) => one.json?.event === "connected", protobuf: (one) => one.isBinary };
  const cases = [
    ["the first one that is known counts", ["unheard.of", PROTOBUF_PROTOCOL, "json.webpubsub.azure.v1"], PROTOBUF_PROTOCOL, "protobuf"],
    ["in the client's order", ["json.webpubsub.azure.v1", PROTOBUF_PROTOCOL], "json.webpubsub.azure.v1", "json"],
    ["in any case, spelled as the client did", ["Protobuf.WebPubSub.Azure.V1"], "Protobuf.WebPubSub.Azure.V1", "protobuf"],
    ["the reliable one is one of its own", [RELIABLE_PROTOBUF_PROTOCOL, PROTOBUF_PROTOCOL], RELIABLE_PROTOBUF_PROTOCOL, "protobuf"],
  ];
  for (const [what, protocols, chosen, kind] of cases) {
    test(what, async () => {
      const client = await RawClient.connect(clientUrl(server, server.hub()), { protocols });
      assert.equal(client.protocol, chosen);
      assert.ok(await client.frame(greeted[kind], "the greeting"));
      await client.close(1000);
    });
  }

  test("where none is known the client is a simple one, and no name is answered", async () => {
    const hub = server.hub();
    const url = new URL(clientUrl(server, hub, { groups: ["g"] }));
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "custom.chat.v1, other" };
    const request = http.get({ host: url.hostname, port: url.port, path: url.pathname + url.search, headers });
    const [response, socket] = await new Promise((resolve, reject) => {
      request.once("upgrade", (...answer) => resolve(answer));
      request.once("error", reject);
    });
    assert.equal(response.statusCode, 101);
    assert.equal(response.headers["sec-websocket-protocol"], undefined);
    const bytes = new Promise((resolve) => socket.once("data", resolve));
    await new Hub(server, hub).sendText("/groups/g", "bare");
    assert.deepEqual(await bytes, Buffer.from("\x81\x04bare", "latin1"));
    socket.destroy();
  });
});

describe("acks", () => {
  test("a success has no error", async () => {
    const client = await ProtobufClient.open(server, server.hub());
    assert.deepEqual(await client.join("g"), { ack_id: "1000000", success: true });
    assert.deepEqual(await client.publish("g", text("a")), { ack_id: "1000001", success: true });
    assert.deepEqual((await client.data()).data, text("a"));
    assert.deepEqual(await client.request("leave_group_message", { group: "g" }), { ack_id: "1000002", success: true });
    await client.close(1000);
  });

  test("0 and the greatest number come back, and a second use is a duplicate", async () => {
    const client = await ProtobufClient.open(server, server.hub());
    for (const id of [0, MAX]) {
      const bytes = encode({ join_group_message: { group: "g", ack_id: id === 0 ? 0 : Long.MAX_UNSIGNED_VALUE } });
      client.sendBytes(bytes);
      assert.equal((await client.ack(id)).success, true);
      client.sendBytes(bytes);
      const again = await client.ack(id);
      assert.deepEqual(again.error, { name: "Duplicate", message: `Message with ack-id: ${id} has been processed` });
    }
    await client.close(1000);
  });

  test("without an ack id nothing is answered, not even an error", async () => {
    const client = await ProtobufClient.open(server, server.hub(), { roles: [] });
    client.send({ join_group_message: { group: "g" } });
    client.send({ event_message: { event: "e", data: text("a") } });
    await client.settled();
    assert.equal(client.raw.unseen.length, 0);
    await client.close(1000);
  });

  test("what is not allowed is Forbidden, and an event that nobody handles is InternalServerError", async () => {
    const client = await ProtobufClient.open(server, server.hub(), { roles: [] });
    assert.deepEqual((await client.join("g")).error, { name: "Forbidden", message: "The client does not have permission to join group 'g'." });
    assert.deepEqual((await client.publish("g", text("a"))).error, { name: "Forbidden", message: "The client does not have permission to send to group 'g'." });
    const event = await client.request("event_message", { event: "e", data: text("a") });
    assert.deepEqual(event.error, { name: "InternalServerError", message: "Internal server error" });
    await client.close(1000);
  });
});

describe("publishing", () => {
  test("no_echo spares the sender its own message", async () => {
    const client = await ProtobufClient.open(server, server.hub(), { groups: ["g"] });
    await client.publish("g", text("one"), { no_echo: true });
    await client.publish("g", text("two"), { no_echo: false });
    assert.deepEqual((await client.data()).data, text("two"));
    await client.close(1000);
  });

  test("a native message keeps every byte, unknown fields and their order too", async () => {
    const hub = server.hub();
    const receiver = await RawClient.json(server, hub, { groups: ["g"] });
    const bare = await RawClient.simple(server, hub, { groups: ["g"] });
    const sender = await ProtobufClient.open(server, hub);
    const any = Buffer.from("1202080172037879780a03742f4d", "hex");
    const data = Buffer.concat([Buffer.from([0x1a, any.length]), any]);
    const body = Buffer.concat([Buffer.from([0x0a, 1, 0x67, 0x1a, data.length]), data]);
    sender.sendBytes(Buffer.concat([Buffer.from([0x0a, body.length]), body]));
    assert.equal((await receiver.message()).data, any.toString("base64"));
    assert.deepEqual((await bare.next()).data, any);
    await RawClient.closeAll(receiver, bare, sender);
  });

  test("fields that nobody knows are ignored", async () => {
    const client = await ProtobufClient.open(server, server.hub());
    client.sendBytes([0x4a, 0x00, 0x90, 0x01, 0x07]);
    await client.next("the pong", "pong_message");
    await client.close(1000);
  });
});

describe("a message that breaks the protocol closes after saying so", () => {
  const invalid = "The client message is not a valid protobuf.webpubsub.azure.v1 protocol message.";
  const group = (data) => encode({ send_to_group_message: { group: "g", data } });
  const cases = [
    ["an empty frame", []],
    ["bytes that are no message", Buffer.from('{"type":"ping"}')],
    ["a member that nobody knows", [0x62, 0x00]],
    ["no group", encode({ join_group_message: {} })],
    ["a blank group", encode({ join_group_message: { group: " " } })],
    ["no data", encode({ send_to_group_message: { group: "g" } })],
    ["data without a choice", group({})],
    ["JSON that is none", group({ json_data: "{" })],
    ["JSON null", group({ json_data: "null" })],
    ["too long a time to live", encode({ send_to_group_message: { group: "g", data: text("a"), ttl_seconds: 301 } })],
    ["a bad event name", encode({ event_message: { event: "1", data: text("a") } })],
    ["a stream of events", encode({ event_message: { event: "e", data: text("a"), stream: { stream_id: "s" } } })],
    ["text that is not UTF-8", [0x0a, 0x08, 0x0a, 0x01, 0x67, 0x1a, 0x03, 0x0a, 0x01, 0xff]],
  ];
  for (const reliable of [false, true]) {
    for (const [what, bytes] of cases) {
      test(`${what}${reliable ? ", also on a reliable connection" : ""}`, async () => {
        const client = await ProtobufClient.open(server, server.hub(), { reliable });
        client.sendBytes(bytes);
        assert.deepEqual(await client.disconnected(), { reason: invalid });
        assert.deepEqual(await client.closed(), { code: 1007, reason: invalid });
      });
    }
  }

  test("a text frame", async () => {
    const wanted = "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages.";
    const client = await ProtobufClient.reliable(server, server.hub());
    client.raw.sendText('{"type":"ping"}');
    assert.deepEqual(await client.disconnected(), { reason: wanted });
    assert.deepEqual(await client.closed(), { code: 1003, reason: wanted });
  });
});

describe("what the application does", () => {
  test("a close tells the reason and is a 1000", async () => {
    const hub = server.hub();
    const client = await ProtobufClient.open(server, hub, { userId: "u" });
    await new Hub(server, hub).call("POST", "/users/u/:closeConnections", { query: { reason: "done" } });
    assert.deepEqual(await client.disconnected(), { reason: "Application server closed the connection. Reason: done" });
    assert.deepEqual(await client.closed(), { code: 1000, reason: "" });
  });

  test("a filter tells clients apart by their protocol, as they spelled it", async () => {
    const hub = server.hub();
    const clients = [await ProtobufClient.open(server, hub), await RawClient.json(server, hub)];
    const rest = new Hub(server, hub);
    await rest.sendText("", "protobuf only", { filter: `protocol eq '${PROTOBUF_PROTOCOL}'` });
    await rest.sendText("", "all");
    assert.deepEqual((await clients[0].data()).data, text("protobuf only"));
    assert.deepEqual((await clients[0].data()).data, text("all"));
    assert.equal((await clients[1].message()).data, "all");
    await RawClient.closeAll(...clients);
  });
});
