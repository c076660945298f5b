// An application built with the official middleware: what it is told, and what its answers do.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { ExpressHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { ProtobufClient } from "./support/protobuf_client.mjs";
import { HandshakeRefused, RawClient } from "./support/raw_client.mjs";
import { clientUrl } from "./support/rest.mjs";
import { RealtimeClient } from "./support/sdk.mjs";

const told = { connect: [], connected: [], disconnected: [], joined: [], left: [], events: [] };
let decide = (_request, response) => response.success();
let reply = (_request, response) => response.success();
let handler;
let server;

before(async () => {
  handler = await ExpressHandler.start("chat", {
    handleConnect: (request, response) => {
      told.connect.push(request);
      decide(request, response);
    },
    onConnected: (request) => told.connected.push(request),
    onDisconnected: (request) => told.disconnected.push(request),
    onGroupJoined: (request) => told.joined.push(request),
    onGroupLeft: (request) => told.left.push(request),
    handleUserEvent: (request, response) => {
      told.events.push(request);
      reply(request, response);
    },
  });
  const more = `user_event_pattern = "*"
system_events = ["connect", "connected", "disconnected"]
presence_events = ["joined", "left"]`;
  server = await startConfigured(handlerTable("chat", handler.urlTemplate, more));
});
after(async () => {
  await server.stop();
  await handler.stop();
});

const of = (list, client) => list.filter((one) => one.context.connectionId === client.connectionId);

describe("connect", () => {
  test("the handler sees claims, query, headers and subprotocols, and no token", async () => {
    decide = (_request, response) => response.success();
    const client = await RawClient.json(server, "chat", { userId: "ada", roles: ["webpubsub.joinLeaveGroup"], query: { id: "7" } });
    const [request] = of(told.connect, client);
    assert.deepEqual(request.claims.sub, ["ada"]);
    assert.deepEqual(request.claims.role, ["webpubsub.joinLeaveGroup"]);
    assert.deepEqual(request.subprotocols, ["json.webpubsub.azure.v1"]);
    assert.equal(request.queries?.access_token, undefined);
    assert.equal(request.headers.authorization, undefined);
    assert.deepEqual(request.clientCertificates, []);
    assert.equal(request.context.userId, "ada");
    assert.equal(request.context.hub, "chat");
    assert.equal(request.context.origin, "127.0.0.1");
    assert.equal(JSON.stringify(request).includes("eyJ"), false, "a token is never shown");
    await client.close(1000);
  });

  test("its answer gives the user, the groups and the roles", async () => {
    decide = (_request, response) => response.success({ userId: "grace", groups: ["room"], roles: ["webpubsub.sendToGroup.room"] });
    const client = await RawClient.json(server, "chat", { userId: "ada", roles: ["webpubsub.joinLeaveGroup"], groups: ["elsewhere"] });
    assert.equal(client.connectedMessage.userId, "grace");
    client.sendText('{"type":"sendToGroup","group":"room","data":"hi","ackId":1}');
    const messages = [await client.next(), await client.next()];
    assert.deepEqual(messages.map(({ json }) => json.type).sort(), ["ack", "message"]);
    client.sendText('{"type":"joinGroup","group":"other","ackId":2}');
    assert.equal((await client.next()).json.error.name, "Forbidden");
    await client.close(1000);
    decide = (_request, response) => response.success();
  });

  test("its refusal becomes the status of the handshake, and nobody is told more", async () => {
    decide = (_request, response) => response.fail(401, "who are you?");
    const before = told.connected.length;
    const url = clientUrl(server, "chat", { userId: "mallory" });
    const refused = await RawClient.connect(url, { protocols: ["json.webpubsub.azure.v1"] }).catch((error) => error);
    assert.ok(refused instanceof HandshakeRefused);
    assert.equal(refused.status, 401);
    assert.equal(refused.body, "The connect event handler rejected the connection.");
    decide = (_request, response) => response.success();
    const client = await RawClient.json(server, "chat", {});
    await client.close(1000);
    await until(() => of(told.disconnected, client).length === 1, "the next client's end");
    assert.equal(told.connected.slice(before).filter((one) => one.context.userId === "mallory").length, 0);
  });
});

describe("connected and disconnected", () => {
  test("come once each, with the reason", async () => {
    const client = await RawClient.json(server, "chat", { userId: "ada" });
    await until(() => of(told.connected, client).length === 1, "connected");
    await client.close(1000, "done here");
    await until(() => of(told.disconnected, client).length === 1, "disconnected");
    assert.equal(of(told.disconnected, client)[0].reason, "done here");
    assert.equal(of(told.disconnected, client)[0].context.userId, "ada");
  });
});

describe("group presence", () => {
  test("joined and left are told once per change, after connected and before disconnected", async () => {
    const client = await RawClient.json(server, "chat", { groups: ["start"] });
    client.sendText('{"type":"joinGroup","group":"room","ackId":1}');
    await client.next();
    client.sendText('{"type":"joinGroup","group":"room","ackId":2}');
    await client.next();
    await client.close(1000);
    await until(() => of(told.disconnected, client).length === 1, "disconnected");
    await until(() => of(told.left, client).length === 2, "both ends");
    assert.deepEqual(of(told.joined, client).map((one) => one.group), ["start", "room"]);
    assert.deepEqual(of(told.left, client).map((one) => one.group).sort(), ["room", "start"]);
  });
});

describe("user events", () => {
  test("of a JSON client arrive in each type, and the answers come back in each type", async () => {
    const client = await RawClient.json(server, "chat", {});
    reply = (request, response) => response.success(request.dataType === "binary" ? Buffer.from(request.data) : request.dataType === "json" ? JSON.stringify(request.data) : request.data, request.dataType);
    client.sendText('{"type":"event","event":"greet","dataType":"text","data":"hello","ackId":1}');
    assert.equal((await client.next()).text, '{"type":"message","from":"server","dataType":"text","data":"hello"}');
    assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
    client.sendText('{"type":"event","event":"greet","dataType":"json","data":{"a":[1]},"ackId":2}');
    assert.equal((await client.next()).text, '{"type":"message","from":"server","dataType":"json","data":{"a":[1]}}');
    await client.next();
    client.sendText('{"type":"event","event":"greet","dataType":"binary","data":"AAEC","ackId":3}');
    assert.equal((await client.next()).text, '{"type":"message","from":"server","dataType":"binary","data":"AAEC"}');
    await client.next();
    const events = of(told.events, client);
    assert.deepEqual(events.map((one) => [one.context.eventName, one.dataType]), [["greet", "text"], ["greet", "json"], ["greet", "binary"]]);
    await client.close(1000);
  });

  test("of a simple client are the event message, and answers are bare frames", async () => {
    const client = await RawClient.connect(clientUrl(server, "chat", {}), {});
    reply = (request, response) => response.success(`you said ${request.data}`, "text");
    client.sendText("hello");
    assert.equal((await client.next()).text, "you said hello");
    assert.equal(told.events.at(-1).context.eventName, "message");
    await client.close(1000);
  });

  test("of a protobuf client arrive too", async () => {
    const client = await ProtobufClient.open(server, "chat", {});
    reply = (request, response) => response.success(JSON.stringify({ got: request.data }), "json");
    client.send({ event_message: { event: "greet", data: { json_data: '{"a":1}' }, ack_id: 5 } });
    const message = await client.next("the answer", "data_message");
    assert.equal(message.data_message.from, "server");
    assert.equal(message.data_message.data.json_data, '{"got":{"a":1}}');
    await client.next("the ack", "ack_message");
    client.raw.close(1000);
  });

  test("that are answered with nothing, or with an empty octet stream, are only acknowledged", async () => {
    const client = await RawClient.json(server, "chat", {});
    reply = (_request, response) => response.success();
    client.sendText('{"type":"event","event":"greet","dataType":"text","data":"x","ackId":1}');
    assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
    await client.close(1000);
  });

  test("that fail get an error acknowledgement, and may be repeated under their id", async () => {
    const client = await RawClient.json(server, "chat", {});
    reply = (_request, response) => response.fail(400, "secret details");
    client.sendText('{"type":"event","event":"greet","dataType":"text","data":"x","ackId":1}');
    assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":false,"error":{"name":"InternalServerError","message":"Internal server error"}}');
    reply = (_request, response) => response.success();
    client.sendText('{"type":"event","event":"greet","dataType":"text","data":"x","ackId":1}');
    assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
    await client.close(1000);
  });

  test("keep the states that the handler sets, from connect to disconnect", async () => {
    decide = (_request, response) => {
      response.setState("step", 1);
      response.success();
    };
    reply = (request, response) => {
      const { step } = request.context.states;
      response.setState("step", step + 1);
      response.success(String(step), "text");
    };
    const client = await RawClient.json(server, "chat", {});
    for (const step of ["1", "2", "3"]) {
      client.sendText('{"type":"event","event":"next","dataType":"text","data":"x"}');
      assert.equal((await client.next()).json.data, step);
    }
    await client.close(1000);
    await until(() => of(told.disconnected, client).length === 1, "disconnected");
    assert.deepEqual(of(told.connected, client)[0].context.states, { step: 1 });
    assert.deepEqual(of(told.disconnected, client)[0].context.states, { step: 4 });
    decide = (_request, response) => response.success();
  });
});

describe("the official client", () => {
  test("sends events and invokes, and the middleware answers", async () => {
    reply = (request, response) => {
      if (request.context.eventName === "add") response.success(JSON.stringify(request.data[0] + request.data[1]), "json");
      else if (request.context.eventName === "fail") response.fail(500, "no");
      else response.success();
    };
    const started = await RealtimeClient.start(server, "chat", {});
    await started.client.sendEvent("plain", "hello", "text");
    const answer = await started.client.invokeEvent("add", [1, 2], "json");
    assert.equal(answer.data, 3);
    const nothing = await started.client.invokeEvent("nothing", "x", "text");
    assert.equal(nothing.data, undefined);
    await started.client.stop();
  });
});
