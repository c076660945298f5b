// The official JavaScript realtime client in both of its protocols.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WebPubSubClient } from "@azure/web-pubsub-client";
import { until } from "./support/deadline.mjs";
import { Proxy } from "./support/proxy.mjs";
import { ALL_ROLES, RawClient } from "./support/raw_client.mjs";
import { RealtimeClient, serviceClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test("the SDK's default protocol is the reliable one and it connects", async () => {
  const client = await RealtimeClient.start(server, server.hub(), { userId: "me" });
  assert.equal(client.connections[0].userId, "me");
  assert.match(client.connectionId, /^[A-Za-z0-9_-]+$/);
  await client.stop();
});

test("a plain URL is enough to start", async () => {
  const hub = server.hub();
  const { url } = await serviceClient(server, hub).getClientAccessToken({ roles: ALL_ROLES });
  const client = new WebPubSubClient(url, { keepAliveIntervalInMs: 0, keepAliveTimeoutInMs: 0 });
  const connected = new Promise((resolve) => client.on("connected", resolve));
  const stopped = new Promise((resolve) => client.on("stopped", resolve));
  await client.start();
  await connected;
  await client.joinGroup("g");
  client.stop();
  await stopped;
});

for (const protocol of ["json", "reliable"]) {
  describe(`the realtime client over ${protocol}`, () => {
    const start = (hub, options = {}) => RealtimeClient.start(server, hub, { protocol, ...options });

    test("text, JSON and binary reach the other members as they were sent", async () => {
      const hub = server.hub(protocol);
      const [one, two] = [await start(hub, { userId: "one" }), await start(hub)];
      await one.client.joinGroup("g");
      await two.client.joinGroup("g");
      await one.client.sendToGroup("g", "hällo", "text");
      await one.client.sendToGroup("g", { deep: [1, null, "x"] }, "json");
      await one.client.sendToGroup("g", new Uint8Array([0, 128, 255]).buffer, "binary");
      for (const client of [one, two]) {
        const messages = await client.untilGroupMessages(3);
        assert.deepEqual(messages.map((message) => message.dataType), ["text", "json", "binary"]);
        assert.equal(messages[0].data, "hällo");
        assert.deepEqual(messages[1].data, { deep: [1, null, "x"] });
        assert.deepEqual([...new Uint8Array(messages[2].data)], [0, 128, 255]);
        assert.deepEqual(messages.map((message) => [message.group, message.fromUserId]), Array(3).fill(["g", "one"]));
        assert.deepEqual(messages.map((message) => message.sequenceId), protocol === "reliable" ? [1, 2, 3] : [undefined, undefined, undefined]);
      }
      await one.stop();
      await two.stop();
    });

    test("noEcho leaves out the sending connection only", async () => {
      const hub = server.hub(protocol);
      const [one, two] = [await start(hub, { userId: "same" }), await start(hub, { userId: "same" })];
      await one.client.joinGroup("g");
      await two.client.joinGroup("g");
      await one.client.sendToGroup("g", "quiet", "text", { noEcho: true });
      await one.client.sendToGroup("g", "loud", "text");
      assert.deepEqual((await two.untilGroupMessages(2)).map((message) => message.data), ["quiet", "loud"]);
      assert.deepEqual((await one.untilGroupMessages(1)).map((message) => message.data), ["loud"]);
      await one.stop();
      await two.stop();
    });

    test("fire and forget sends without an ack", async () => {
      const client = await start(server.hub(protocol));
      await client.client.joinGroup("g");
      const result = await client.client.sendToGroup("g", "fast", "text", { fireAndForget: true });
      assert.deepEqual(result, { isDuplicated: false });
      assert.equal((await client.untilGroupMessages(1))[0].data, "fast");
      await client.stop();
    });

    test("an ack id that is used twice takes effect once", async () => {
      const client = await start(server.hub(protocol));
      await client.client.joinGroup("g");
      assert.deepEqual(await client.client.sendToGroup("g", "first", "text", { ackId: 500 }), { ackId: 500, isDuplicated: false });
      assert.deepEqual(await client.client.sendToGroup("g", "second", "text", { ackId: 500 }), { ackId: 500, isDuplicated: true });
      await client.client.sendToGroup("g", "third", "text");
      assert.deepEqual((await client.untilGroupMessages(2)).map((message) => message.data), ["first", "third"]);
      await client.stop();
    });

    test("after leaving a group its messages stay away", async () => {
      const hub = server.hub(protocol);
      const client = await start(hub);
      await client.client.joinGroup("g");
      await client.client.leaveGroup("g");
      await client.service.group("g").sendToAll("missed", { contentType: "text/plain" });
      await client.service.sendToAll("seen", { contentType: "text/plain" });
      assert.equal((await client.untilServerMessages(1))[0].data, "seen");
      assert.equal(client.groupMessages.length, 0);
      await client.stop();
    });

    test("server messages of all three kinds arrive", async () => {
      const client = await start(server.hub(protocol), { userId: "u" });
      await client.service.sendToAll({ n: 1 });
      await client.service.sendToUser("u", "text", { contentType: "text/plain" });
      await client.service.sendToConnection(client.connectionId, new Uint8Array([7]).buffer);
      const messages = await client.untilServerMessages(3);
      assert.deepEqual(messages.map((message) => message.dataType), ["json", "text", "binary"]);
      assert.deepEqual(messages[0].data, { n: 1 });
      assert.equal(messages[1].data, "text");
      assert.deepEqual([...new Uint8Array(messages[2].data)], [7]);
      await client.stop();
    });

    test("an event without a handler fails as InternalServerError and the client stays", async () => {
      const client = await start(server.hub(protocol));
      await assert.rejects(client.client.sendEvent("order", { n: 1 }, "json"), (error) => {
        assert.equal(error.name, "SendMessageError");
        assert.deepEqual(error.errorDetail, { name: "InternalServerError", message: "Internal server error" });
        return true;
      });
      await client.client.joinGroup("g");
      await client.stop();
    });

    test("without a role joining and sending fail as Forbidden", async () => {
      const client = await start(server.hub(protocol), { roles: [] });
      const forbidden = (message) => (error) => {
        assert.deepEqual(error.errorDetail, { name: "Forbidden", message });
        return true;
      };
      await assert.rejects(client.client.joinGroup("g"), forbidden("The client does not have permission to join group 'g'."));
      await assert.rejects(client.client.leaveGroup("g"), forbidden("The client does not have permission to leave group 'g'."));
      await assert.rejects(client.client.sendToGroup("g", "x", "text"), forbidden("The client does not have permission to send to group 'g'."));
      await client.stop();
    });

    test("keep-alive pings are answered", async () => {
      // A client that hears nothing for the timeout closes its socket: with nothing but pongs it must stay.
      const client = await start(server.hub(protocol), { options: { keepAliveIntervalInMs: 100, keepAliveTimeoutInMs: 1_500 } });
      const started = Date.now();
      await until(() => Date.now() - started > 2_500, "two timeouts to pass");
      assert.equal(client.disconnections.length, 0);
      assert.equal(client.connections.length, 1);
      await client.client.joinGroup("g");
      await client.stop();
    });

    test("stop ends the connection and reports it once", async () => {
      const client = await start(server.hub(protocol));
      await client.stop();
      assert.equal(client.stoppedCount, 1);
      assert.equal(client.disconnections.length, 1);
      assert.equal(client.connections.length, 1);
    });

    test("a client can be started again after stop", async () => {
      const client = await start(server.hub(protocol));
      await client.stop();
      await client.client.start();
      await client.untilConnected(2);
      assert.notEqual(client.connections[0].connectionId, client.connections[1].connectionId);
      await client.client.joinGroup("g");
      await client.stop();
    });

    test("after a close by the application it reconnects anew and is back in its groups", async () => {
      const client = await start(server.hub(protocol), { userId: "u" });
      await client.client.joinGroup("g");
      await client.client.joinGroup("left");
      await client.client.leaveGroup("left");
      const first = client.connectionId;
      await client.service.closeConnection(first, { reason: "moved" });
      await client.untilConnected(2);
      assert.notEqual(client.connectionId, first);
      assert.equal(client.disconnections.length, 1);
      assert.equal(client.disconnections[0].connectionId, first);
      assert.equal(client.disconnections[0].message.message, "Application server closed the connection. Reason: moved");
      assert.equal(await client.service.connectionExists(first), false);
      await client.service.group("g").sendToAll("welcome back", { contentType: "text/plain" });
      assert.equal((await client.untilGroupMessages(1))[0].data, "welcome back");
      assert.equal(await client.service.groupExists("left"), false);
      assert.deepEqual(client.rejoinFailures, []);
      await client.stop();
    });

    test("a group that may no longer be joined is reported after the reconnect", async () => {
      const client = await start(server.hub(protocol), { roles: [] });
      await client.service.grantPermission(client.connectionId, "joinLeaveGroup", { targetName: "g" });
      await client.client.joinGroup("g");
      await client.service.closeConnection(client.connectionId);
      await client.untilConnected(2);
      assert.equal(client.rejoinFailures.length, 1);
      assert.equal(client.rejoinFailures[0].group, "g");
      assert.equal(client.rejoinFailures[0].error.errorDetail.name, "Forbidden");
      await client.stop();
    });

    test("without automatic reconnect a close by the application stops the client", async () => {
      const client = await start(server.hub(protocol), { options: { autoReconnect: false } });
      await client.service.closeConnection(client.connectionId);
      await until(() => client.stoppedCount === 1, "the stopped event");
      assert.equal(client.connections.length, 1);
    });

    test("a hundred messages keep their order", async () => {
      const client = await start(server.hub(protocol));
      await client.client.joinGroup("g");
      await Promise.all(Array.from({ length: 100 }, (_, n) => client.client.sendToGroup("g", { n }, "json")));
      assert.deepEqual((await client.untilGroupMessages(100)).map((message) => message.data.n), Array.from({ length: 100 }, (_, n) => n));
      await client.stop();
    });
  });
}

test("a plain JSON client whose socket breaks comes back as a new connection in its groups", async () => {
  const proxy = await Proxy.before(server);
  const hub = server.hub("plain");
  const client = await RealtimeClient.start(server.through(proxy.port), hub, { protocol: "json" });
  await client.client.joinGroup("g");
  const first = client.connectionId;
  proxy.cut();
  await client.untilConnected(2);
  assert.notEqual(client.connectionId, first);
  const sender = await RawClient.json(server, hub);
  await sender.publish("g", "hello again");
  assert.equal((await client.untilGroupMessages(1))[0].data, "hello again");
  await client.stop();
  await sender.close(1000);
  await proxy.stop();
});

test("a client that is refused with 401 does not start", async () => {
  const client = new WebPubSubClient(`${server.wsEndpoint}/client/hubs/h?access_token=nonsense`, { keepAliveIntervalInMs: 0, keepAliveTimeoutInMs: 0 });
  await assert.rejects(client.start(), /401/);
});
