// Every method of the official JavaScript service SDK, and what clients see of it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AzureKeyCredential, WebPubSubServiceClient, odata } from "@azure/web-pubsub";
import { DEADLINE_MS, until } from "./support/deadline.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { serviceClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

/** A hub with its service client, and clients that are closed when the test ends. */
function stage(t, name) {
  const hub = server.hub(name);
  const clients = [];
  t.after(() => RawClient.closeAll(...clients));
  return {
    hub,
    service: serviceClient(server, hub),
    connect: async (options) => {
      const client = await RawClient.json(server, hub, options);
      clients.push(client);
      return client;
    },
  };
}

/** Proves that `client` was sent nothing but the marker that follows. */
async function sawNothing(service, client) {
  await service.sendToConnection(client.connectionId, "marker", { contentType: "text/plain" });
  const { data } = await client.message();
  assert.equal(data, "marker");
}

describe("sending with the service SDK", () => {
  test("a JSON broadcast reaches every client of the hub", async (t) => {
    const { service, connect } = stage(t, "send");
    const clients = [await connect(), await connect({ userId: "u" })];
    await service.sendToAll({ message: "Hello", n: 1.5, list: [null, true] });
    for (const client of clients) {
      assert.deepEqual(await client.message(), { type: "message", from: "server", dataType: "json", data: { message: "Hello", n: 1.5, list: [null, true] } });
    }
  });

  test("a string without content type is JSON, with text/plain it is text", async (t) => {
    const { service, connect } = stage(t, "send");
    const client = await connect();
    await service.sendToAll("as json");
    await service.sendToAll("as text", { contentType: "text/plain" });
    const messages = [await client.message(), await client.message()];
    assert.deepEqual(messages.map(({ dataType, data }) => [dataType, data]), [["json", "as json"], ["text", "as text"]]);
  });

  test("an ArrayBuffer arrives as base64", async (t) => {
    const { service, connect } = stage(t, "send");
    const client = await connect();
    await service.sendToAll(new Uint8Array([0, 1, 254, 255]).buffer);
    assert.deepEqual(await client.message(), { type: "message", from: "server", dataType: "binary", data: "AAH+/w==" });
  });

  test("excluded connections of a broadcast see nothing", async (t) => {
    const { service, connect } = stage(t, "send");
    const [one, two, three] = [await connect(), await connect(), await connect()];
    await service.sendToAll({ x: 1 }, { excludedConnections: [one.connectionId, two.connectionId] });
    assert.deepEqual((await three.message()).data, { x: 1 });
    await sawNothing(service, one);
    await sawNothing(service, two);
  });

  test("the odata template chooses the receivers, quotes included", async (t) => {
    const { service, connect } = stage(t, "filter");
    const vic = await connect({ userId: "vic's" });
    const anonymous = await connect();
    const member = await connect({ userId: "m", groups: ["groupA"] });
    await service.sendToAll("for vic", { contentType: "text/plain", filter: odata`userId eq ${"vic's"}` });
    await service.sendToAll("for nobody's user", { contentType: "text/plain", filter: odata`userId eq ${null}` });
    await service.sendToAll("for members", { contentType: "text/plain", filter: odata`${"groupA"} in groups and not(${"groupB"} in groups)` });
    assert.equal((await vic.message()).data, "for vic");
    assert.equal((await anonymous.message()).data, "for nobody's user");
    assert.equal((await member.message()).data, "for members");
    for (const client of [vic, anonymous, member]) await sawNothing(service, client);
  });

  test("a message with a time to live reaches a client that reads", async (t) => {
    const { service, connect } = stage(t, "ttl");
    const client = await connect({ userId: "u", groups: ["g"] });
    await service.sendToAll({ n: 1 }, { messageTtlSeconds: 60 });
    await service.sendToUser("u", { n: 2 }, { messageTtlSeconds: 300 });
    await service.sendToConnection(client.connectionId, { n: 3 }, { messageTtlSeconds: 1 });
    await service.group("g").sendToAll({ n: 4 }, { messageTtlSeconds: 0 });
    for (const n of [1, 2, 3, 4]) assert.deepEqual((await client.message()).data, { n });
  });

  test("a message to a user reaches all connections of that user only", async (t) => {
    const { service, connect } = stage(t, "user");
    const mine = [await connect({ userId: "alice" }), await connect({ userId: "alice" })];
    const other = await connect({ userId: "Alice" });
    await service.sendToUser("alice", "hi", { contentType: "text/plain" });
    for (const client of mine) assert.deepEqual(await client.message(), { type: "message", from: "server", dataType: "text", data: "hi" });
    await sawNothing(service, other);
  });

  test("a filter narrows a message to a user", async (t) => {
    const { service, connect } = stage(t, "user");
    const inside = await connect({ userId: "alice", groups: ["g"] });
    const outside = await connect({ userId: "alice" });
    await service.sendToUser("alice", "hi", { contentType: "text/plain", filter: odata`${"g"} in groups` });
    assert.equal((await inside.message()).data, "hi");
    await sawNothing(service, outside);
  });

  test("a message to a connection reaches that one only", async (t) => {
    const { service, connect } = stage(t, "one");
    const [one, two] = [await connect(), await connect()];
    await service.sendToConnection(one.connectionId, { only: "one" });
    assert.deepEqual((await one.message()).data, { only: "one" });
    await sawNothing(service, two);
  });

  test("a group message says which group and that no user sent it", async (t) => {
    const { service, connect } = stage(t, "group");
    const member = await connect({ userId: "u", groups: ["room 1 ü"] });
    const stranger = await connect({ groups: ["room 1"] });
    await service.group("room 1 ü").sendToAll({ n: 4 });
    assert.deepEqual(await member.message(), { type: "message", from: "group", group: "room 1 ü", fromUserId: null, dataType: "json", data: { n: 4 } });
    await sawNothing(service, stranger);
  });

  test("group sends keep excluded connections and filters apart", async (t) => {
    const { service, connect } = stage(t, "group");
    const [one, two, three] = [await connect({ userId: "a", groups: ["g"] }), await connect({ userId: "b", groups: ["g"] }), await connect({ userId: "b", groups: ["g"] })];
    await service.group("g").sendToAll("x", { contentType: "text/plain", filter: odata`userId eq ${"b"}`, excludedConnections: [three.connectionId] });
    assert.equal((await two.message()).data, "x");
    await sawNothing(service, one);
    await sawNothing(service, three);
  });

  test("messages of one sender arrive in the order of the calls", async (t) => {
    const { service, connect } = stage(t, "order");
    const client = await connect({ groups: ["g"] });
    for (let n = 0; n < 100; n += 1) {
      await [service, service.group("g")][n % 2].sendToAll({ n });
    }
    for (let n = 0; n < 100; n += 1) assert.deepEqual((await client.message()).data, { n });
  });
});

describe("asking with the service SDK", () => {
  test("exists is true while there is a connection, and false after", async (t) => {
    const { service, connect } = stage(t, "exists");
    const client = await connect({ userId: "u", groups: ["g"] });
    const id = client.connectionId;
    assert.deepEqual([await service.connectionExists(id), await service.userExists("u"), await service.groupExists("g")], [true, true, true]);
    await client.close(1000);
    const answers = async () => [await service.connectionExists(id), await service.userExists("u"), await service.groupExists("g")];
    await until(async () => (await answers()).every((answer) => !answer), "the connection to be gone");
  });

  test("exists is false for what never was", async (t) => {
    const { service } = stage(t, "exists");
    assert.deepEqual([await service.connectionExists("none"), await service.userExists("none"), await service.groupExists("none")], [false, false, false]);
  });

  test("onResponse sees status and headers of every kind of call", async (t) => {
    const { service, connect } = stage(t, "raw");
    const client = await connect({ userId: "u" });
    const seen = [];
    const onResponse = (response) => seen.push([response.status, response.headers.get("x-ms-error-code") ?? null]);
    await service.sendToAll({ message: "Hello world!" }, { onResponse });
    await service.connectionExists(client.connectionId, { onResponse });
    await service.connectionExists("none", { onResponse });
    await service.userExists("none", { onResponse });
    await service.groupExists("none", { onResponse });
    await service.hasPermission("none", "sendToGroup", { targetName: "g", onResponse });
    await service.group("g").removeConnection("none", { onResponse });
    assert.deepEqual(seen, [
      [202, null],
      [200, null],
      [404, "Warning.Connection.NotExisted"],
      [404, "Warning.User.NotExisted"],
      [404, "Warning.Group.NotExisted"],
      [404, "Info.Connection.NotExisted"],
      [204, null],
    ]);
  });
});

describe("groups with the service SDK", () => {
  test("a connection is added, gets group messages, is removed, gets none", async (t) => {
    const { service, connect } = stage(t, "groups");
    const client = await connect();
    const group = service.group("g");
    await group.addConnection(client.connectionId);
    await group.addConnection(client.connectionId);
    await group.sendToAll({ n: 1 });
    assert.deepEqual((await client.message()).data, { n: 1 });
    await group.removeConnection(client.connectionId);
    await group.removeConnection(client.connectionId);
    await group.sendToAll({ n: 2 });
    await sawNothing(service, client);
    assert.equal(await service.groupExists("g"), false);
  });

  test("adding a connection that does not exist throws 404 with its code", async (t) => {
    const { service } = stage(t, "groups");
    await assert.rejects(service.group("g").addConnection("none"), (error) => {
      assert.equal(error.statusCode, 404);
      return true;
    });
  });

  test("a user's present connections join and leave together, later ones do not", async (t) => {
    const { service, connect } = stage(t, "groups");
    const [one, two] = [await connect({ userId: "u" }), await connect({ userId: "u" })];
    const group = service.group("g");
    await group.addUser("u");
    const later = await connect({ userId: "u" });
    await group.sendToAll({ n: 1 });
    for (const client of [one, two]) assert.deepEqual((await client.message()).data, { n: 1 });
    await sawNothing(service, later);
    await group.removeUser("u");
    await group.sendToAll({ n: 2 });
    for (const client of [one, two]) await sawNothing(service, client);
  });

  test("adding a user without a connection throws 404", async (t) => {
    const { service } = stage(t, "groups");
    await assert.rejects(service.group("g").addUser("none"), { statusCode: 404 });
    await service.group("g").removeUser("none");
  });

  test("a connection is taken out of all its groups at once", async (t) => {
    const { service, connect } = stage(t, "groups");
    const client = await connect({ groups: ["a", "b", "c"] });
    const stays = await connect({ groups: ["a"] });
    await service.removeConnectionFromAllGroups(client.connectionId);
    await service.removeConnectionFromAllGroups("none");
    assert.deepEqual([await service.groupExists("a"), await service.groupExists("b"), await service.groupExists("c")], [true, false, false]);
    await service.group("a").sendToAll({ n: 1 });
    assert.deepEqual((await stays.message()).data, { n: 1 });
    await sawNothing(service, client);
  });

  test("a user is taken out of all groups at once", async (t) => {
    const { service, connect } = stage(t, "groups");
    const clients = [await connect({ userId: "u", groups: ["a"] }), await connect({ userId: "u", groups: ["b"] })];
    await service.removeUserFromAllGroups("u");
    await service.removeUserFromAllGroups("none");
    assert.deepEqual([await service.groupExists("a"), await service.groupExists("b")], [false, false]);
    for (const client of clients) await sawNothing(service, client);
  });

  test("a filter adds connections to several groups and removes them", async (t) => {
    const { service, connect } = stage(t, "bulk");
    const vic = await connect({ userId: "vic" });
    const bob = await connect({ userId: "bob" });
    await service.addConnectionsToGroups(["a", "b"], odata`userId eq ${"vic"}`);
    await service.group("a").sendToAll({ n: 1 });
    await service.group("b").sendToAll({ n: 2 });
    assert.deepEqual([(await vic.message()).data, (await vic.message()).data], [{ n: 1 }, { n: 2 }]);
    await sawNothing(service, bob);
    await service.removeConnectionsFromGroups(["a"], odata`${"b"} in groups`);
    assert.deepEqual([await service.groupExists("a"), await service.groupExists("b")], [false, true]);
  });

  test("members are listed over pages, and `top` counts over all of them", async (t) => {
    const { service, connect } = stage(t, "list");
    const expected = new Map();
    for (let n = 0; n < 7; n += 1) {
      const client = await connect({ groups: ["g"], ...(n % 2 ? { userId: `u${n}` } : {}) });
      expected.set(client.connectionId, n % 2 ? `u${n}` : null);
    }
    const list = async (options) => {
      const found = [];
      for await (const member of await service.group("g").listConnections(options)) found.push(member);
      return found;
    };
    for (const options of [{}, { maxPageSize: 3 }, { maxPageSize: 1 }, { maxPageSize: 7 }, { top: 100, maxPageSize: 2 }]) {
      const found = await list(options);
      assert.deepEqual(new Map(found.map((member) => [member.connectionId, member.userId ?? null])), expected);
      assert.equal(found.length, 7);
    }
    assert.equal((await list({ top: 5, maxPageSize: 2 })).length, 5);
    assert.equal((await list({ top: 2, maxPageSize: 5 })).length, 2);
    const pages = [];
    for await (const page of (await service.group("g").listConnections({ maxPageSize: 3 })).byPage()) pages.push(page.length);
    assert.deepEqual(pages, [3, 3, 1]);
    for await (const _ of await service.group("none").listConnections()) assert.fail("an unknown group has no members");
  });
});

describe("closing with the service SDK", () => {
  const REASONED = "Application server closed the connection. Reason: enough";

  test("one connection is closed with the reason it is given", async (t) => {
    const { service, connect } = stage(t, "close");
    const [one, two] = [await connect(), await connect()];
    await service.closeConnection(one.connectionId, { reason: "enough" });
    assert.equal((await one.disconnected()).message, REASONED);
    assert.deepEqual(await one.closed(), { code: 1000, reason: "" });
    assert.equal(await service.connectionExists(one.connectionId), false);
    await sawNothing(service, two);
    await service.closeConnection("none");
  });

  test("a close without a reason has a sentence of its own", async (t) => {
    const { service, connect } = stage(t, "close");
    const client = await connect();
    await service.closeConnection(client.connectionId);
    assert.equal((await client.disconnected()).message, "Application server closed the connection.");
    await client.closed();
  });

  test("all connections of a hub are closed, those of other hubs are not", async (t) => {
    const { service, connect } = stage(t, "close");
    const elsewhere = stage(t, "close");
    const other = await elsewhere.connect();
    const clients = [await connect(), await connect()];
    await service.closeAllConnections({ reason: "enough" });
    for (const client of clients) {
      assert.equal((await client.disconnected()).message, REASONED);
      assert.equal((await client.closed()).code, 1000);
    }
    await sawNothing(elsewhere.service, other);
  });

  test("the connections of a group or of a user are closed", async (t) => {
    const { service, connect } = stage(t, "close");
    const member = await connect({ groups: ["g"] });
    const mine = await connect({ userId: "u" });
    const other = await connect();
    await service.group("g").closeAllConnections({ reason: "enough" });
    assert.equal((await member.disconnected()).message, REASONED);
    await service.closeUserConnections("u", { reason: "enough" });
    assert.equal((await mine.disconnected()).message, REASONED);
    await member.closed();
    await mine.closed();
    await sawNothing(service, other);
    await service.closeUserConnections("none");
    await service.group("none").closeAllConnections();
  });

  test("a reason longer than a close frame can carry arrives whole", async (t) => {
    const { service, connect } = stage(t, "close");
    const client = await connect();
    const reason = "because ".repeat(100);
    await service.closeConnection(client.connectionId, { reason });
    assert.equal((await client.disconnected()).message, `Application server closed the connection. Reason: ${reason}`);
    assert.equal((await client.closed()).code, 1000);
  });
});

describe("permissions with the service SDK", () => {
  test("granting and revoking decides what a client without roles may do", async (t) => {
    const { service, connect } = stage(t, "permit");
    const client = await connect({ roles: [] });
    const id = client.connectionId;
    for (const [permission, attempt] of [
      ["joinLeaveGroup", () => client.join("g")],
      ["sendToGroup", () => client.publish("g", "hi", { noEcho: true })],
    ]) {
      assert.equal(await service.hasPermission(id, permission, { targetName: "g" }), false);
      assert.equal((await attempt()).success, false);
      await service.grantPermission(id, permission, { targetName: "g" });
      assert.equal(await service.hasPermission(id, permission, { targetName: "g" }), true);
      assert.equal(await service.hasPermission(id, permission, { targetName: "other" }), false);
      assert.equal((await attempt()).success, true);
      await service.revokePermission(id, permission, { targetName: "g" });
      assert.equal(await service.hasPermission(id, permission, { targetName: "g" }), false);
      assert.equal((await attempt()).error.name, "Forbidden");
    }
  });

  test("granting to a connection that does not exist fails with its code, revoking does not", async (t) => {
    const { service } = stage(t, "permit");
    await assert.rejects(service.grantPermission("none", "sendToGroup", { targetName: "g" }), (error) => {
      assert.equal(error.statusCode, 404);
      assert.equal(error.code, "Info.Connection.NotExisted");
      return true;
    });
    await service.revokePermission("none", "sendToGroup", { targetName: "g" });
  });
});

describe("tokens of the service SDK", () => {
  test("a client access URL carries user, roles and groups", async (t) => {
    const { service, hub } = stage(t, "token");
    const { url, baseUrl, token } = await service.getClientAccessToken({ userId: "u", roles: ["webpubsub.joinLeaveGroup.g"], groups: ["start"] });
    assert.equal(baseUrl, `${server.wsEndpoint}/client/hubs/${hub}`);
    assert.equal(url, `${baseUrl}?access_token=${token}`);
    const client = await RawClient.connect(url, { protocols: ["json.webpubsub.azure.v1"] });
    assert.equal((await client.connected()).userId, "u");
    assert.equal((await client.join("g")).success, true);
    assert.equal((await client.join("h")).success, false);
    await service.group("start").sendToAll({ n: 1 });
    assert.equal((await client.message()).group, "start");
    await client.close(1000);
  });

  test("the service generates a client token over REST that connects", async (t) => {
    const { service, hub } = stage(t, "token");
    // The public method signs locally when it holds a key; the generated operation underneath makes the call.
    const { token } = await service.client.webPubSub.generateClientToken(hub, { userId: "u", roles: ["webpubsub.sendToGroup"], groups: ["g"], expirationTimeInMinutes: 5, clientType: "default" });
    const client = await RawClient.connect(`${server.wsEndpoint}/client/hubs/${hub}?access_token=${token}`, { protocols: ["json.webpubsub.azure.v1"] });
    assert.equal((await client.connected()).userId, "u");
    assert.equal((await client.publish("g", "hi")).success, true);
    assert.equal((await client.message()).data, "hi");
    await client.close(1000);
  });

  test("endpoint and key credential work like the connection string", async (t) => {
    const { hub, connect } = stage(t, "key");
    const client = await connect();
    const service = new WebPubSubServiceClient(server.endpoint, new AzureKeyCredential(server.accessKey), hub, { allowInsecureConnection: true });
    await service.sendToAll({ n: 1 });
    assert.deepEqual((await client.message()).data, { n: 1 });
  });

  test("a wrong key fails with 401", async () => {
    const service = new WebPubSubServiceClient(server.endpoint, new AzureKeyCredential("x".repeat(44)), "h", { allowInsecureConnection: true });
    await assert.rejects(service.sendToAll({ n: 1 }), { statusCode: 401 });
    await assert.rejects(service.connectionExists("c"), { statusCode: 401 });
  });
});

describe("errors of the service SDK", () => {
  test("an invalid filter is a 400 whose message is JSON", async (t) => {
    const { service } = stage(t, "errors");
    await assert.rejects(service.sendToAll({ x: 1 }, { filter: "invalid filter" }), (error) => {
      assert.equal(error.statusCode, 400);
      assert.equal(typeof JSON.parse(error.message), "object");
      return true;
    });
  });

  test("a reverse proxy endpoint changes where the call goes", async (t) => {
    const { hub, connect } = stage(t, "proxy");
    const client = await connect();
    const service = new WebPubSubServiceClient(server.connectionString, hub, { allowInsecureConnection: true, reverseProxyEndpoint: `http://127.0.0.1:${server.port}` });
    await service.sendToAll({ n: 1 });
    assert.deepEqual((await client.message()).data, { n: 1 });
  });

  test("a call can be aborted", { timeout: DEADLINE_MS }, async (t) => {
    const { service } = stage(t, "abort");
    await assert.rejects(service.sendToAll({ x: 1 }, { abortSignal: AbortSignal.abort() }), { name: "AbortError" });
  });
});
