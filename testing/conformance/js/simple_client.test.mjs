// Clients without a subprotocol: bare frames in, bare frames out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HandshakeRefused, RawClient } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const SEND = ["webpubsub.sendToGroup"];

describe("a simple client that sends events", () => {
  for (const mode of [undefined, "", "sendEvent", "SENDEVENT"]) {
    test(`mode ${JSON.stringify(mode)}: an event that nobody handles closes with 1011`, async () => {
      const client = await RawClient.simple(server, server.hub(), { query: mode === undefined ? {} : { webpubsub_mode: mode } });
      client.sendText("hello");
      assert.deepEqual(await client.closed(), { code: 1011, reason: "Internal server error" });
      assert.equal(client.frames.length, 0);
    });
  }

  test("a binary event fails the same way", async () => {
    const client = await RawClient.simple(server, server.hub());
    client.sendBinary(Buffer.from([1, 2]));
    assert.deepEqual(await client.closed(), { code: 1011, reason: "Internal server error" });
  });

  test("group and noEcho are not looked at in this mode", async () => {
    const client = await RawClient.simple(server, server.hub(), { query: { webpubsub_mode: "sendEvent", group: "", noEcho: "perhaps" } });
    await client.close(1000);
  });
});

describe("a simple client that sends to a group", () => {
  const toGroup = (hub, options = {}, query = {}) => RawClient.simple(server, hub, { roles: SEND, ...options, query: { webpubsub_mode: "sendToGroup", group: "g", ...query } });

  test("its text and binary frames reach the group, itself only as a member", async () => {
    const hub = server.hub();
    const sender = await toGroup(hub, { userId: "sender" });
    const member = await RawClient.json(server, hub, { groups: ["g"] });
    sender.sendText("täxt");
    sender.sendBinary(Buffer.from([0, 255]));
    assert.deepEqual(await member.message(), { type: "message", from: "group", group: "g", fromUserId: "sender", dataType: "text", data: "täxt" });
    assert.deepEqual(await member.message(), { type: "message", from: "group", group: "g", fromUserId: "sender", dataType: "binary", data: "AP8=" });
    assert.equal(sender.frames.length, 0, "the sender was not joined to the group");
    await RawClient.closeAll(sender, member);
  });

  for (const [noEcho, echoed] of [["", true], ["false", true], ["FALSE", true], ["true", false], ["True", false]]) {
    test(`noEcho=${noEcho} ${echoed ? "gives" : "spares"} a member its own message`, async () => {
      const hub = server.hub();
      const sender = await toGroup(hub, { groups: ["g"] }, { noEcho });
      const member = await RawClient.simple(server, hub, { groups: ["g"] });
      sender.sendText("one");
      assert.equal((await member.next()).text, "one");
      await new Hub(server, hub).sendText("/groups/g", "two");
      const first = await sender.next();
      assert.equal(first.text, echoed ? "one" : "two");
      await RawClient.closeAll(sender, member);
    });
  }

  test("an empty frame is a message", async () => {
    const hub = server.hub();
    const sender = await toGroup(hub);
    const member = await RawClient.simple(server, hub, { groups: ["g"] });
    sender.sendText("");
    sender.sendBinary(Buffer.alloc(0));
    const frames = [await member.next(), await member.next()];
    assert.deepEqual(frames.map((frame) => [frame.isBinary, frame.data.length]), [[false, 0], [true, 0]]);
    await RawClient.closeAll(sender, member);
  });

  test("without the role the first message closes with 1008", async () => {
    const sender = await toGroup(server.hub(), { roles: ["webpubsub.sendToGroup.other"] });
    sender.sendText("x");
    assert.deepEqual(await sender.closed(), { code: 1008, reason: "The connection is not authorized for raw sendToGroup mode." });
  });

  test("a pattern role is enough", async () => {
    const hub = server.hub();
    const sender = await toGroup(hub, { roles: ["webpubsub.sendToGroups.room.*"] }, { group: "room.7" });
    const member = await RawClient.simple(server, hub, { groups: ["room.7"] });
    sender.sendText("x");
    assert.equal((await member.next()).text, "x");
    await RawClient.closeAll(sender, member);
  });

  test("the last of repeated parameters counts", async () => {
    const hub = server.hub();
    const sender = await RawClient.simple(server, hub, { roles: SEND, query: { webpubsub_mode: ["nonsense", "SendToGroup"], group: ["", "last"], noEcho: ["perhaps", "true"] } });
    const member = await RawClient.simple(server, hub, { groups: ["last"] });
    sender.sendText("x");
    assert.equal((await member.next()).text, "x");
    await RawClient.closeAll(sender, member);
  });
});

describe("parameters of simple clients", () => {
  const refused = [
    ["an unknown mode", { webpubsub_mode: "broadcast" }, "Invalid webpubsub_mode. Valid modes are sendToGroup and sendEvent."],
    ["no group", { webpubsub_mode: "sendToGroup" }, "The raw sendToGroup group name is invalid."],
    ["an empty group", { webpubsub_mode: "sendToGroup", group: "" }, "The raw sendToGroup group name is invalid."],
    ["a blank group", { webpubsub_mode: "sendToGroup", group: "  " }, "The raw sendToGroup group name is invalid."],
    ["a group of 1025 characters", { webpubsub_mode: "sendToGroup", group: "g".repeat(1025) }, "The raw sendToGroup group name is invalid."],
    ["an unknown noEcho", { webpubsub_mode: "sendToGroup", group: "g", noEcho: "1" }, "Invalid noEcho. Valid values are true and false."],
  ];
  for (const [what, query, text] of refused) {
    for (const protocols of [[], ["json.webpubsub.azure.v1"]]) {
      test(`${what} is refused with 400${protocols.length ? ", for a JSON client too" : ""}`, async () => {
        await assert.rejects(RawClient.connect(clientUrl(server, server.hub(), { query }), { protocols }), (error) => {
          assert.ok(error instanceof HandshakeRefused, error.message);
          assert.deepEqual([error.status, error.body], [400, text]);
          return true;
        });
      });
    }
  }
});

describe("what a simple client is sent", () => {
  test("text and JSON as text frames, binary as binary frames, and nothing else", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const client = await RawClient.simple(server, name, { userId: "u", groups: ["g"] });
    await hub.sendText("/users/u", "plain");
    await hub.sendJson("", '{ "n" : 1.0, "text":"\\u00e9" }');
    await hub.sendJson("/groups/g", '"quoted"');
    await hub.sendBinary("/groups/g", Buffer.from([9, 8]));
    await hub.sendText("", "");
    const frames = [];
    for (let n = 0; n < 5; n += 1) frames.push(await client.next());
    assert.deepEqual(frames.slice(0, 3).map((frame) => [frame.isBinary, frame.text]), [[false, "plain"], [false, '{ "n" : 1.0, "text":"\\u00e9" }'], [false, '"quoted"']]);
    assert.deepEqual([frames[3].isBinary, [...frames[3].data]], [true, [9, 8]]);
    assert.deepEqual([frames[4].isBinary, frames[4].text], [false, ""]);
    await client.close(1000);
  });

  test("metadata never reaches it", async () => {
    const name = server.hub();
    const client = await RawClient.simple(server, name);
    await new Hub(server, name).sendText("", "x", {}, { "X-WebPubSub-Metadata-trace": "1" });
    assert.equal((await client.next()).text, "x");
    await client.close(1000);
  });

  test("a close by the application is a 1000 without reason or message", async () => {
    const name = server.hub();
    const client = await RawClient.simple(server, name, { userId: "u" });
    assert.equal((await new Hub(server, name).call("POST", "/users/u/:closeConnections", { query: { reason: "lost on simple clients" } })).status, 204);
    assert.deepEqual(await client.closed(), { code: 1000, reason: "" });
    assert.equal(client.frames.length, 0);
  });
});
