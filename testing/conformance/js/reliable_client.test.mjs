// The reliable JSON subprotocol frame by frame.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BareSocket } from "./support/bare_socket.mjs";
import { until } from "./support/deadline.mjs";
import { JSON_PROTOCOL, RELIABLE_PROTOCOL, RawClient, recover, recoveryUrl } from "./support/raw_client.mjs";
import { Hub, clientToken, signToken, nowSeconds } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const REFUSED = { code: 1008, reason: "The connection could not be recovered." };
const WINDOW_FULL = { code: 1008, reason: "The reliable message buffer is full." };

async function stage(options = {}) {
  const name = server.hub("reliable");
  const client = await RawClient.reliable(server, name, { userId: "u", groups: ["g"], ...options });
  const sender = await RawClient.json(server, name);
  return { name, hub: new Hub(server, name), client, sender };
}

/** Publishes so many numbered messages and resolves when the server has taken them all. */
async function publish(sender, count, from = 1) {
  for (let n = from; n < from + count; n += 1) sender.send({ type: "sendToGroup", group: "g", data: n });
  await sender.settled();
}

/** A recovery attempt, which is always upgraded; resolves with how it ended. */
async function refused(name, connectionId, token, options = {}) {
  const attempt = await RawClient.connect(recoveryUrl(server, name, connectionId, token, options), { protocols: options.protocols ?? [RELIABLE_PROTOCOL] });
  const ending = await attempt.closed();
  assert.deepEqual(attempt.frames.map((frame) => frame.text), [], "a refused attempt is told nothing but the close");
  return ending;
}

async function sequence(client, count) {
  const messages = [];
  for (let n = 0; n < count; n += 1) messages.push(await client.message());
  return messages.map((message) => [message.sequenceId, message.data]);
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => [from + n, from + n]);

describe("sequence ids", () => {
  test("start at 1 and count data messages only", async () => {
    const { hub, client, sender } = await stage();
    assert.equal("sequenceId" in client.connectedMessage, false);
    assert.equal(typeof client.connectedMessage.reconnectionToken, "string");
    await publish(sender, 2);
    await client.settled();
    await client.join("h");
    await hub.sendText("", "server");
    await hub.sendText("/users/u", "user");
    const messages = await sequence(client, 4);
    assert.deepEqual(messages, [[1, 1], [2, 2], [3, "server"], [4, "user"]]);
    const control = client.frames.filter((frame) => frame.json.type !== "message");
    assert.equal(control.every((frame) => !("sequenceId" in frame.json)), true);
    await RawClient.closeAll(client, sender);
  });

  test("each connection has its own", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 1);
    const second = await RawClient.reliable(server, name, { groups: ["g"] });
    await publish(sender, 1, 2);
    assert.deepEqual(await sequence(client, 2), range(1, 2));
    assert.deepEqual(await sequence(second, 1), [[1, 2]]);
    await RawClient.closeAll(client, second, sender);
  });

  test("a message has exactly the members of the protocol", async () => {
    const { hub, client, sender } = await stage();
    await publish(sender, 1);
    await hub.sendText("", "x", {}, { "X-WebPubSub-Metadata-a": "1" });
    assert.deepEqual(await client.message(), { sequenceId: 1, type: "message", from: "group", group: "g", fromUserId: null, dataType: "json", data: 1 });
    assert.deepEqual(await client.message(), { sequenceId: 2, type: "message", from: "server", dataType: "text", data: "x", metadata: { a: "1" } });
    await RawClient.closeAll(client, sender);
  });
});

describe("recovery", () => {
  test("replays what was not acknowledged, byte for byte, before anything new, and nothing else", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 5);
    assert.deepEqual(await sequence(client, 5), range(1, 5));
    client.send({ type: "sequenceAck", sequenceId: 2 });
    await client.settled();
    client.cut();
    await publish(sender, 2, 6);
    const again = await recover(server, name, client);
    assert.equal(again.protocol, RELIABLE_PROTOCOL);
    await publish(sender, 1, 8);
    assert.deepEqual(await sequence(again, 6), range(3, 8));
    const before = client.frames.filter((frame) => frame.json.sequenceId >= 3).map((frame) => frame.text);
    assert.deepEqual(again.frames.slice(0, 3).map((frame) => frame.text), before);
    await again.settled();
    assert.deepEqual(again.unseen.map((frame) => frame.text), [], "no connected message on recovery");
    await RawClient.closeAll(again, sender);
  });

  test("works many times in a row", async () => {
    const { name, client, sender } = await stage();
    let current = client;
    for (let round = 1; round <= 20; round += 1) {
      current.cut();
      await publish(sender, 1, round);
      const { connectionId, reconnectionToken } = client;
      current = await recover(server, name, { connectionId, reconnectionToken });
      assert.equal((await current.message((message) => message.sequenceId === round)).data, round);
      current.send({ type: "sequenceAck", sequenceId: round });
    }
    await RawClient.closeAll(current, sender);
  });

  test("takes over while the old socket is still open", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 1);
    const again = await recover(server, name, client);
    await client.closed();
    await publish(sender, 1, 2);
    assert.deepEqual(await sequence(again, 2), range(1, 2));
    await RawClient.closeAll(again, sender);
  });

  test("keeps the original protocol whatever is offered, also nothing", async () => {
    const { name, client, sender } = await stage();
    for (const protocols of [[], [JSON_PROTOCOL], ["unknown"]]) {
      client.cut();
      const url = recoveryUrl(server, name, client.connectionId, client.reconnectionToken);
      // `ws` refuses an answer that it did not offer, so this upgrade is made by hand.
      const bare = await BareSocket.open(url, protocols[0]);
      assert.match(bare.head, new RegExp(`sec-websocket-protocol: ${RELIABLE_PROTOCOL.replaceAll(".", "\\.")}`, "i"));
      await publish(sender, 1, 9);
      const frame = await bare.frame((one) => one.payload.includes("sequenceId"));
      assert.equal(JSON.parse(frame.payload).data, 9);
      bare.destroy();
    }
    await sender.close(1000);
  });

  test("needs no access token, and does not mind a bad one", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 1);
    for (const accessToken of ["nonsense", clientToken(server, name, { claims: { exp: 1 } })]) {
      const again = await RawClient.connect(recoveryUrl(server, name, client.connectionId, client.reconnectionToken, { accessToken }), { protocols: [RELIABLE_PROTOCOL] });
      assert.deepEqual(await sequence(again, 1), range(1, 1));
      again.cut();
    }
    await sender.close(1000);
  });

  test("finds the hub in any case", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 1);
    client.cut();
    const again = await recover(server, name.toUpperCase(), client);
    assert.deepEqual(await sequence(again, 1), range(1, 1));
    await RawClient.closeAll(again, sender);
  });

  test("keeps ids of acks, groups, permissions and the user", async () => {
    const { name, hub, client, sender } = await stage({ roles: ["webpubsub.joinLeaveGroup.h"] });
    assert.equal((await client.request({ type: "joinGroup", group: "h", ackId: 7 })).success, true);
    client.cut();
    const again = await recover(server, name, client);
    assert.equal((await again.request({ type: "leaveGroup", group: "h", ackId: 7 })).error.name, "Duplicate");
    assert.equal((await again.request({ type: "joinGroup", group: "other", ackId: 8 })).error.name, "Forbidden");
    assert.deepEqual([await hub.exists("/groups/g"), await hub.exists("/groups/h"), await hub.exists("/users/u")], [true, true, true]);
    await RawClient.closeAll(again, sender);
  });

  test("a session that is away is counted, listed, filtered, joined and permitted like any other", async () => {
    const { name, hub, client, sender } = await stage({ roles: [] });
    const id = client.connectionId;
    client.cut();
    assert.deepEqual([await hub.exists(`/connections/${id}`), await hub.exists("/users/u"), await hub.exists("/groups/g")], [true, true, true]);
    assert.deepEqual((await hub.call("GET", "/groups/g/connections")).json, { value: [{ connectionId: id, userId: "u" }], nextLink: null });
    assert.equal((await hub.call("PUT", `/groups/h/connections/${id}`)).status, 200);
    assert.equal((await hub.call("PUT", "/users/u/groups/i")).status, 200);
    assert.equal((await hub.call("PUT", `/permissions/sendToGroup/connections/${id}`, { query: { targetName: "h" } })).status, 200);
    await hub.sendText("/groups/h", "h");
    await hub.sendText("/groups/i", "i");
    await hub.sendText("", "filtered", { filter: "userId eq 'u' and 'h' in groups" });
    const again = await recover(server, name, client);
    assert.deepEqual(await sequence(again, 3), [[1, "h"], [2, "i"], [3, "filtered"]]);
    assert.equal((await again.publish("h", "x")).success, true);
    await RawClient.closeAll(again, sender);
  });

  for (const [what, end] of [
    ["a cut", (client) => client.cut()],
    ["a close frame without a code", (client) => client.close()],
    ["a close frame with 1001", (client) => client.close(1001)],
    ["a close frame with 4000", (client) => client.close(4000, "later")],
  ]) {
    test(`is possible after ${what}`, async () => {
      const { name, client, sender } = await stage();
      await end(client);
      await publish(sender, 1);
      const again = await recover(server, name, client);
      assert.deepEqual(await sequence(again, 1), range(1, 1));
      await RawClient.closeAll(again, sender);
    });
  }
});

describe("a recovery that is refused is upgraded and then closed with 1008", () => {
  test("without, with a broken, expired or forged token; and the session survives all of it", async () => {
    const { name, client, sender } = await stage();
    const { connectionId: id, reconnectionToken: token } = client;
    const forged = signToken({ iss: "https://webpubsub.azure.com", aud: id, jti: "0".repeat(32), nbf: nowSeconds(), exp: nowSeconds() + 600 }, "x".repeat(44));
    for (const bad of [undefined, "", "nonsense", `${token.slice(0, -4)}AAAA`, `${token}x`, forged]) assert.deepEqual(await refused(name, id, bad), REFUSED);
    await publish(sender, 1);
    assert.deepEqual(await sequence(client, 1), range(1, 1), "the attached client was not disturbed");
    client.cut();
    for (const bad of [undefined, "nonsense"]) assert.deepEqual(await refused(name, id, bad), REFUSED);
    const again = await recover(server, name, client);
    assert.deepEqual(await sequence(again, 1), range(1, 1));
    await RawClient.closeAll(again, sender);
  });

  test("with the token of another connection", async () => {
    const { name, client, sender } = await stage();
    const other = await RawClient.reliable(server, name);
    assert.deepEqual(await refused(name, client.connectionId, other.reconnectionToken), REFUSED);
    await RawClient.closeAll(client, other, sender);
  });

  test("in another hub", async () => {
    const { client, sender } = await stage();
    client.cut();
    assert.deepEqual(await refused(server.hub("other"), client.connectionId, client.reconnectionToken), REFUSED);
    await sender.close(1000);
  });

  test("for a connection that never was", async () => {
    const { name, client, sender } = await stage();
    assert.deepEqual(await refused(name, "0123456789abcdef0123456789abcdef", client.reconnectionToken), REFUSED);
    assert.deepEqual(await refused(name, "../%00", "nonsense"), REFUSED);
    await RawClient.closeAll(client, sender);
  });

  test("for a plain JSON connection", async () => {
    const { name, client, sender } = await stage();
    assert.deepEqual(await refused(name, sender.connectionId, client.reconnectionToken), REFUSED);
    assert.equal((await sender.publish("g", "still here")).success, true);
    await RawClient.closeAll(client, sender);
  });

  test("after a close with 1000", async () => {
    const { name, hub, client, sender } = await stage();
    await client.close(1000, "done");
    await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the session to be gone");
    assert.deepEqual(await refused(name, client.connectionId, client.reconnectionToken), REFUSED);
    await sender.close(1000);
  });

  for (const away of [false, true]) {
    test(`after a close by the application${away ? " while away" : ""}`, async () => {
      const { name, hub, client, sender } = await stage();
      if (away) client.cut();
      assert.equal((await hub.call("DELETE", `/connections/${client.connectionId}`, { query: { reason: "over" } })).status, 204);
      if (!away) {
        assert.equal((await client.disconnected()).message, "Application server closed the connection. Reason: over");
        assert.deepEqual(await client.closed(), { code: 1000, reason: "" });
      }
      assert.equal(await hub.exists(`/connections/${client.connectionId}`), false);
      assert.deepEqual(await refused(name, client.connectionId, client.reconnectionToken), REFUSED);
      await sender.close(1000);
    });
  }

  test("after an invalid message", async () => {
    const { name, client, sender } = await stage();
    client.sendText("nonsense");
    assert.deepEqual(await client.closed(), { code: 1007, reason: "The client message is not a valid JSON protocol message." });
    assert.deepEqual(await refused(name, client.connectionId, client.reconnectionToken), REFUSED);
    await sender.close(1000);
  });

  test("and then the same client may connect anew", async () => {
    const { name, client, sender } = await stage();
    await client.close(1000);
    const fresh = await RawClient.reliable(server, name);
    assert.notEqual(fresh.connectionId, client.connectionId);
    await RawClient.closeAll(fresh, sender);
  });
});

test("a reconnection token without a connection id is a normal connect", async () => {
  const { name, client, sender } = await stage();
  const fresh = await RawClient.reliable(server, name, { query: { awps_reconnection_token: client.reconnectionToken } });
  assert.notEqual(fresh.connectionId, client.connectionId);
  const empty = await RawClient.reliable(server, name, { query: { awps_connection_id: "", awps_reconnection_token: client.reconnectionToken } });
  assert.notEqual(empty.connectionId, client.connectionId);
  await RawClient.closeAll(client, fresh, empty, sender);
});

describe("sequence acks", () => {
  test("are cumulative, and those of the past or the future do no harm", async () => {
    const { name, client, sender } = await stage();
    await publish(sender, 4);
    await sequence(client, 4);
    for (const sequenceId of [3, 1, 0, 3]) client.send({ type: "sequenceAck", sequenceId });
    await client.settled();
    client.cut();
    const again = await recover(server, name, client);
    assert.deepEqual(await sequence(again, 1), [[4, 4]]);
    again.sendText('{"type":"sequenceAck","sequenceId":18446744073709551615}');
    await again.settled();
    again.cut();
    await publish(sender, 1, 5);
    const third = await recover(server, name, client);
    assert.deepEqual(await sequence(third, 1), [[5, 5]], "the future ack dropped all that was known, not what came later");
    await RawClient.closeAll(third, sender);
  });

  test("a thousand unacknowledged messages are kept, one more ends the session", async () => {
    const { name, hub, client, sender } = await stage();
    await publish(sender, 1000);
    assert.deepEqual(await sequence(client, 1000), range(1, 1000));
    client.send({ type: "sequenceAck", sequenceId: 1000 });
    await client.settled();
    await publish(sender, 1000, 1001);
    await sequence(client, 1000);
    await client.settled();
    await publish(sender, 1, 2001);
    assert.deepEqual(await client.closed(), WINDOW_FULL);
    await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the session to be gone");
    assert.deepEqual(await refused(name, client.connectionId, client.reconnectionToken), REFUSED);
    await sender.close(1000);
  });

  test("the same limit holds while the client is away", async () => {
    const { name, hub, client, sender } = await stage();
    client.cut();
    await publish(sender, 1000);
    const again = await recover(server, name, client);
    assert.deepEqual(await sequence(again, 1000), range(1, 1000));
    again.cut();
    await publish(sender, 1, 1001);
    await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the session to be gone");
    assert.deepEqual(await refused(name, client.connectionId, client.reconnectionToken), REFUSED);
    await sender.close(1000);
  });

  test("sixteen MiB of unacknowledged payload is the other limit", async () => {
    const { client, sender } = await stage();
    const data = "x".repeat(1_000_000);
    for (let n = 1; n <= 16; n += 1) {
      assert.equal((await sender.publish("g", data)).success, true);
      assert.equal((await client.message()).sequenceId, n);
    }
    await client.settled();
    await sender.publish("g", data);
    assert.deepEqual(await client.closed(), WINDOW_FULL);
    await sender.close(1000);
  });
});
