// Webhooks byte by byte: what a handler is sent, and what each of its answers means.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { HandshakeRefused, RawClient, recover } from "./support/raw_client.mjs";
import { clientUrl } from "./support/rest.mjs";
import { isDurable, ofOneProcess } from "./support/server.mjs";

const PRIMARY = "primary-key-primary-key-primary-key-1";
const SECONDARY = "secondary-key-secondary-key-secondary";
const SETTINGS = `access_key = "${PRIMARY}"\nsecondary_access_key = "${SECONDARY}"\n[limits]\nrecovery_window_ms = 300\n`;
const DEFAULT_ANSWER = () => ({ status: 204 });

let handler;
let server;
before(async () => {
  handler = await BareHandler.start();
  server = await startConfigured(SETTINGS + handlerTable("_default", handler.urlTemplate));
});
after(async () => {
  await server.stop();
  await handler.stop();
});
beforeEach(() => {
  handler.answer = DEFAULT_ANSWER;
});

const hmac = (key, text) => `sha256=${createHmac("sha256", key).update(text).digest("hex")}`;
const of = (client, name) => handler.events.filter((one) => one.headers["ce-connectionid"] === client.connectionId && (!name || one.headers["ce-eventname"] === name));
const connects = (answer) => (request) => (request.headers["ce-eventname"] === "connect" ? answer(request) : { status: 204 });
const replies = (answer) => (request) => (request.headers["ce-type"].includes(".user.") ? answer(request) : { status: 204 });

async function refusal(options = {}, protocols = ["json.webpubsub.azure.v1"]) {
  const refused = await RawClient.connect(clientUrl(server, server.hub(), options), { protocols }).catch((error) => error);
  assert.ok(refused instanceof HandshakeRefused, `not refused: ${refused}`);
  return refused;
}

describe("a request", () => {
  test("of an event of the service has these headers, and no others", async () => {
    const hub = server.hub("Mixed");
    const client = await RawClient.json(server, hub, { userId: "üser" });
    await client.close(1000, "bye");
    await until(() => of(client, "disconnected").length === 1, "disconnected");
    const [connect, connected, disconnected] = of(client);
    const common = {
      "ce-specversion": "1.0",
      "ce-awpsversion": "1.0",
      "ce-hub": hub.toLowerCase(),
      "ce-connectionid": client.connectionId,
      "ce-source": `/hubs/${hub.toLowerCase()}/client/${client.connectionId}`,
      "ce-signature": `${hmac(PRIMARY, client.connectionId)},${hmac(SECONDARY, client.connectionId)}`,
      "webhook-request-origin": "127.0.0.1",
      "content-type": "application/json",
      host: `127.0.0.1:${handler.port}`,
    };
    for (const [request, id, name] of [[connect, "0", "connect"], [connected, "1", "connected"], [disconnected, "2", "disconnected"]]) {
      const { "ce-time": time, "x-ms-client-request-id": requestId, "content-length": length, "ce-userid": userId, "ce-subprotocol": subprotocol, ...rest } = request.headers;
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.match(requestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.equal(Number(length), request.body.length);
      assert.equal(Buffer.from(userId, "latin1").toString("utf8"), "üser");
      assert.equal(subprotocol, name === "connect" ? undefined : "json.webpubsub.azure.v1");
      assert.deepEqual(rest, { ...common, "ce-id": id, "ce-eventname": name, "ce-type": `azure.webpubsub.sys.${name}` });
      assert.equal(request.url, `/eventhandler/${hub.toLowerCase()}/${name}`);
      assert.equal(request.method, "POST");
    }
    assert.equal(connected.body.toString(), "{}");
    assert.equal(disconnected.body.toString(), '{"reason":"bye"}');
  });

  test("of connect has claims, query and headers as lists, without any token", async () => {
    const url = clientUrl(server, server.hub(), { userId: "u", roles: ["r1", "r2"], query: { id: ["7", "8"] } });
    const client = await RawClient.connect(url, { protocols: ["a", "json.webpubsub.azure.v1"], headers: { authorization: "Bearer x", "x-asrs-internal-y": "1", "x-mine": "m" } });
    const { connectionId } = await client.connected();
    const body = JSON.parse(handler.named("connect").at(-1).body);
    assert.deepEqual(Object.keys(body), ["claims", "query", "headers", "subprotocols", "clientCertificates"].sort((a, b) => Object.keys(body).indexOf(a) - Object.keys(body).indexOf(b)));
    assert.deepEqual(body.claims.sub, ["u"]);
    assert.deepEqual(body.claims.role, ["r1", "r2"]);
    assert.equal(body.claims.exp.length, 1);
    assert.deepEqual(body.query, { id: ["7", "8"] });
    assert.deepEqual(body.headers["x-mine"], ["m"]);
    assert.deepEqual(body.headers.host, [server.host]);
    assert.equal(body.headers.authorization, undefined);
    assert.equal(body.headers["x-asrs-internal-y"], undefined);
    assert.deepEqual(body.subprotocols, ["a", "json.webpubsub.azure.v1"]);
    assert.deepEqual(body.clientCertificates, []);
    assert.ok(connectionId);
    await client.close(1000);
  });

  test("of a user event carries payload, type, metadata and the next number", async () => {
    const client = await RawClient.json(server, server.hub());
    client.send({ type: "event", event: "Say.It", dataType: "text", data: "grüezi", metadata: { "X-Key": "1", "x-key": "2" }, ackId: 1 });
    client.sendText('{"type":"event","event":"Say.It","dataType":"json","data":{"b":  1.50},"ackId":2}');
    client.send({ type: "event", event: "Say.It", dataType: "binary", data: "AAH/", ackId: 3 });
    client.send({ type: "event", event: "Say.It", dataType: "protobuf", data: "CgA=", ackId: 4 });
    for (let ack = 1; ack <= 4; ack += 1) assert.equal((await client.next()).json.ackId, ack);
    const events = of(client, "Say.It");
    assert.deepEqual(events.map(({ headers }) => headers["ce-id"]), ["2", "3", "4", "5"]);
    assert.deepEqual(events.map(({ headers }) => headers["content-type"]), ["text/plain; charset=utf-8", "application/json", "application/octet-stream", "application/x-protobuf"]);
    assert.equal(events[0].body.toString(), "grüezi");
    assert.equal(events[1].body.toString(), '{"b":  1.50}', "JSON stays as it was written");
    assert.deepEqual([...events[2].body], [0, 1, 255]);
    assert.deepEqual([...events[3].body], [10, 0]);
    assert.equal(events[0].headers["x-webpubsub-metadata-x-key"], "2");
    assert.equal(events[0].headers["ce-type"], "azure.webpubsub.user.Say.It");
    await client.close(1000);
  });
});

describe("an answer to connect", () => {
  for (const [name, answer] of [["204", { status: 204 }], ["202 with nothing", { status: 202 }], ["null", { status: 200, body: "null" }], ["an empty object", { status: 200, body: "{}" }], ["nulls", { status: 200, body: '{"userId":null,"roles":null,"groups":null,"subprotocol":null}' }], ["no groups", { status: 200, body: '{"groups":[]}' }]]) {
    test(`${name} leaves everything as the token has it`, async () => {
      handler.answer = connects(() => answer);
      const client = await RawClient.json(server, server.hub(), { userId: "u", roles: ["webpubsub.sendToGroup.g"], groups: ["g"] });
      assert.equal(client.connectedMessage.userId, "u");
      client.sendText('{"type":"sendToGroup","group":"g","data":1,"ackId":1}');
      assert.deepEqual([(await client.next()).json.type, (await client.next()).json.type], ["message", "ack"]);
      await client.close(1000);
    });
  }

  test("an empty list of roles takes all away, an empty user is one", async () => {
    handler.answer = connects(() => ({ status: 200, headers: { "content-type": "text/weird" }, body: '{"USERID":"","roles":[]}' }));
    const client = await RawClient.json(server, server.hub(), { userId: "u", roles: ["webpubsub.joinLeaveGroup"] });
    assert.equal(client.connectedMessage.userId, "");
    client.sendText('{"type":"joinGroup","group":"g","ackId":1}');
    assert.equal((await client.next()).json.error.name, "Forbidden");
    await client.close(1000);
  });

  test("chooses a custom subprotocol that the client offers, which is then spoken in bare frames", async () => {
    handler.answer = (request) => {
      if (request.headers["ce-eventname"] === "connect") return { status: 200, body: '{"subprotocol":"chat.v2"}' };
      if (request.headers["ce-eventname"] === "message") return { status: 200, headers: { "content-type": "text/plain" }, body: "pong" };
      return { status: 204 };
    };
    const client = await RawClient.connect(clientUrl(server, server.hub()), { protocols: ["json.webpubsub.azure.v1", "chat.v2"] });
    assert.equal(client.upgradeHeaders["sec-websocket-protocol"], "chat.v2");
    client.sendText("ping");
    assert.equal((await client.next()).text, "pong");
    assert.equal(handler.named("message").at(-1).headers["ce-subprotocol"], "chat.v2");
    await client.close(1000);
  });

  for (const [name, body] of [["a subprotocol that was not offered", '{"subprotocol":"other"}'], ["no JSON", "{"], ["a list", "[]"], ["a role that is null", '{"roles":[null]}'], ["a blank group", '{"groups":[" "]}'], ["a user that is a number", '{"userId":1}']]) {
    test(`${name} is 500`, async () => {
      handler.answer = connects(() => ({ status: 200, body }));
      assert.equal((await refusal()).status, 500);
    });
  }

  for (const status of [301, 400, 401, 403, 404, 409, 429]) {
    test(`status ${status} is the client's, without the body`, async () => {
      handler.answer = connects(() => ({ status, body: "internal details", headers: { location: "http://127.0.0.1:1/" } }));
      const refused = await refusal();
      assert.deepEqual([refused.status, refused.body], [status, "The connect event handler rejected the connection."]);
    });
  }

  test("gives cookies, which come back with every later event of the connection and of no other", async () => {
    handler.answer = connects(() => ({ status: 204, headers: { "set-cookie": ["a=1; Path=/", "b=2; Path=/elsewhere", "c=3"] } }));
    const client = await RawClient.json(server, server.hub());
    handler.answer = DEFAULT_ANSWER;
    const other = await RawClient.json(server, server.hub());
    client.send({ type: "event", event: "e", data: 1, ackId: 1 });
    await client.next();
    await client.close(1000);
    await other.close(1000);
    await until(() => of(client, "disconnected").length === 1 && of(other, "disconnected").length === 1, "both ends");
    assert.equal(of(client, "e")[0].headers.cookie.includes("a=1"), true);
    assert.equal(of(client, "e")[0].headers.cookie.includes("b=2"), false);
    assert.equal(of(client, "disconnected")[0].headers.cookie.includes("a=1"), true);
    assert.equal(of(other, "disconnected")[0].headers.cookie, undefined);
  });
});

describe("an answer to a user event", () => {
  const event = '{"type":"event","event":"e","dataType":"text","data":"x","ackId":1}';

  for (const [contentType, body, shown] of [
    ["text/plain", "hé", '"dataType":"text","data":"hé"'],
    ["text/plain; charset=utf-8", "t", '"dataType":"text","data":"t"'],
    ["application/json", '{"b":  1.50}', '"dataType":"json","data":{"b":  1.50}'],
    ["Application/JSON; charset=utf-8", "[1]", '"dataType":"json","data":[1]'],
    ["application/octet-stream", Buffer.from([0, 255]), '"dataType":"binary","data":"AP8="'],
    [undefined, "x", '"dataType":"binary","data":"eA=="'],
  ]) {
    test(`of type ${contentType} is sent to the client, before the acknowledgement`, async () => {
      const client = await RawClient.json(server, server.hub());
      handler.answer = replies(() => ({ status: 200, headers: contentType ? { "content-type": contentType } : {}, body }));
      client.sendText(event);
      assert.equal((await client.next()).text, `{"type":"message","from":"server",${shown}}`);
      assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
      await client.close(1000);
    });
  }

  for (const [name, answer] of [["an unknown type", { status: 200, headers: { "content-type": "text/html" }, body: "x" }], ["JSON that is none", { status: 200, headers: { "content-type": "application/json" }, body: "{" }], ["status 404", { status: 404 }], ["status 302", { status: 302, headers: { location: "/" } }], ["17 MiB", { status: 200, headers: { "content-type": "text/plain" }, body: "x".repeat(17 << 20) }]]) {
    test(`${name} fails, and the connection stays`, async () => {
      const client = await RawClient.json(server, server.hub());
      handler.answer = replies(() => answer);
      client.sendText(event);
      assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":false,"error":{"name":"InternalServerError","message":"Internal server error"}}');
      handler.answer = DEFAULT_ANSWER;
      client.sendText(event);
      assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
      const simple = await RawClient.simple(server, server.hub());
      handler.answer = replies(() => answer);
      simple.sendText("x");
      assert.deepEqual(await simple.closed(), { code: 1011, reason: "Internal server error" });
      await client.close(1000);
    });
  }

  test("with metadata reaches the client, also without a body", async () => {
    const client = await RawClient.json(server, server.hub());
    handler.answer = replies(() => ({ status: 204, headers: { "X-WebPubSub-Metadata-Key": "a, b" } }));
    client.sendText(event);
    assert.equal((await client.next()).text, '{"type":"message","from":"server","dataType":"text","data":"","metadata":{"key":"b"}}');
    await client.next();
    await client.close(1000);
  });

  test("holds up what the client sends later, and nobody else", async () => {
    const hub = server.hub();
    const client = await RawClient.json(server, hub);
    const other = await RawClient.json(server, hub);
    let finish;
    handler.answer = replies((request) => (request.body.toString() === "slow" ? new Promise((resolve) => (finish = () => resolve({ status: 204 }))) : { status: 204 }));
    client.sendText('{"type":"event","event":"e","dataType":"text","data":"slow","ackId":1}');
    client.sendText('{"type":"ping"}');
    client.sendText('{"type":"joinGroup","group":"g","ackId":2}');
    await until(() => finish, "the slow event");
    other.sendText('{"type":"event","event":"e","dataType":"text","data":"quick","ackId":1}');
    assert.equal((await other.next()).json.success, true);
    assert.deepEqual(client.unseen, []);
    finish();
    const answers = [];
    for (let number = 0; number < 3; number += 1) answers.push((await client.next()).json);
    // A log is waited for by acknowledgements, and not by pongs.
    const order = answers.map((answer) => answer.ackId ?? answer.type);
    assert.deepEqual(isDurable ? order.filter((answer) => answer !== "pong") : order, isDurable ? [1, 2] : [1, "pong", 2]);
    await client.close(1000);
    await other.close(1000);
  });

  test("of status 500 and then 200 is repeated with the same number, and the client sees one success", async () => {
    const client = await RawClient.json(server, server.hub());
    let attempts = 0;
    handler.answer = replies(() => ({ status: (attempts += 1) === 1 ? 500 : 204 }));
    client.sendText(event);
    assert.equal((await client.next()).json.success, true);
    const [first, second] = of(client, "e");
    assert.equal(first.headers["ce-id"], second.headers["ce-id"]);
    assert.equal(first.headers["x-ms-client-request-id"], second.headers["x-ms-client-request-id"]);
    await client.close(1000);
  });

  test("of status 429 is not repeated", async () => {
    const client = await RawClient.json(server, server.hub());
    handler.answer = replies(() => ({ status: 429 }));
    client.sendText(event);
    assert.equal((await client.next()).json.success, false);
    assert.equal(of(client, "e").length, 1);
    await client.close(1000);
  });
});

describe("a session", () => {
  test("that recovers has neither ended nor begun, and one that does not has ended once", async () => {
    const hub = server.hub();
    const client = await RawClient.reliable(server, hub);
    client.cut();
    const back = await recover(server, hub, client);
    back.send({ type: "event", event: "e", data: 1, ackId: 1 });
    await back.frame(({ json }) => json.type === "ack");
    assert.deepEqual(of(client).map(({ headers }) => headers["ce-eventname"]), ["connect", "connected", "e"]);
    back.cut();
    await until(() => of(client, "disconnected").length === 1, "the end");
    assert.equal(JSON.parse(of(client, "disconnected")[0].body).reason, "The connection recovery timeout expired.");
  });
});

describe("validation", () => {
  async function site(validation, more) {
    const other = await BareHandler.start();
    other.validation = validation;
    const service = await startConfigured(handlerTable("chat", other.urlTemplate, more));
    return { other, service, stop: () => Promise.all([service.stop(), other.stop()]) };
  }

  for (const [name, headers] of [["*", { "WebHook-Allowed-Origin": "*" }], ["the host", { "webhook-allowed-origin": "127.0.0.1" }], ["the host with a port", { "WebHook-Allowed-Origin": "127.0.0.1:8080" }], ["a list", { "WebHook-Allowed-Origin": "a.example, 127.0.0.1" }], ["several lines", { "WebHook-Allowed-Origin": ["a.example", "127.0.0.1"] }]]) {
    ofOneProcess(test)(`passes with ${name}, once for many events`, async () => {
      const { other, service, stop } = await site(() => ({ status: 200, headers }));
      const clients = await Promise.all([1, 2, 3].map(() => RawClient.json(service, "chat")));
      for (const client of clients) await client.close(1000);
      const [validation, ...more] = other.requests.filter(({ method }) => method !== "POST");
      assert.equal(more.length, 0);
      assert.deepEqual([validation.method, validation.url], ["OPTIONS", "/eventhandler/chat/validate"]);
      assert.equal(validation.headers["webhook-request-origin"], "127.0.0.1");
      assert.equal(validation.headers["ce-awpsversion"], "1.0");
      assert.equal(validation.headers["ce-signature"], undefined);
      await stop();
    });
  }

  test("asks with GET where OPTIONS is not found", async () => {
    const { other, service, stop } = await site(({ method }) => (method === "OPTIONS" ? { status: 404 } : { status: 200, headers: { "WebHook-Allowed-Origin": "*" } }));
    await (await RawClient.json(service, "chat")).close(1000);
    assert.deepEqual(other.requests.slice(0, 2).map(({ method }) => method), ["OPTIONS", "GET"]);
    await stop();
  });

  for (const [name, answer, said] of [["no header", { status: 200 }, "AbuseProtectionResponseMissingAllowedOrigin"], ["another host", { status: 200, headers: { "WebHook-Allowed-Origin": "b.example" } }, "AbuseProtectionResponseMissingAllowedOrigin"], ["status 405", { status: 405 }, "AbuseProtectionResponseInvalidStatusCode"]]) {
    test(`fails with ${name}: no event is sent, clients get 500, and the log names the cause`, async () => {
      const { other, service, stop } = await site(() => answer);
      const refused = await RawClient.json(service, "chat").catch((error) => error);
      assert.equal(refused.status, 500);
      assert.equal(other.events.length, 0);
      assert.match(service.output.stderr, new RegExp(said));
      await stop();
    });
  }

  test("is left out where the handler is trusted", async () => {
    const { other, service, stop } = await site(() => ({ status: 500 }), 'system_events = ["connect"]\nvalidate = false');
    await (await RawClient.json(service, "chat")).close(1000);
    assert.deepEqual(other.requests.map(({ method }) => method), ["POST"]);
    await stop();
  });
});

describe("configuration", () => {
  test("the first handler that takes an event gets it; names compare without case, with blanks around them", async () => {
    const first = await BareHandler.start();
    const second = await BareHandler.start();
    const service = await startConfigured(
      handlerTable("chat", first.urlTemplate, 'user_event_pattern = " Alpha , be* "') + handlerTable("chat", second.urlTemplate, 'user_event_pattern = "*"\nsystem_events = ["disconnected"]\npresence_events = ["joined"]\npresence_groups = ["room.*"]'),
    );
    const client = await RawClient.json(service, "chat");
    for (const [index, name] of ["ALPHA", "beta", "be.ta", "gamma"].entries()) {
      client.send({ type: "event", event: name, data: 1, ackId: index });
      assert.equal((await client.next()).json.success, true);
    }
    for (const [index, group] of ["room.1", "room.1.2", "hall"].entries()) {
      client.send({ type: "joinGroup", group, ackId: 10 + index });
      await client.next();
    }
    await client.close(1000);
    await second.event("disconnected");
    assert.deepEqual(first.events.map(({ headers }) => headers["ce-eventname"]), ["ALPHA", "beta"]);
    assert.deepEqual(second.events.map(({ headers }) => headers["ce-eventname"]), ["be.ta", "gamma", "joined", "disconnected"]);
    assert.equal(second.named("joined")[0].body.toString(), '{"group":"room.1"}');
    assert.equal(second.named("joined")[0].headers["ce-type"], "azure.webpubsub.gp.joined");
    await Promise.all([service.stop(), first.stop(), second.stop()]);
  });

  test("secrets come from the environment or a file, and are sent and never logged", async () => {
    const other = await BareHandler.start();
    const more = 'user_event_pattern = "*"\ncode = { env = "TEST_CODE" }\nbearer_token = "the-token"\nheaders = { "x-extra" = "yes" }';
    const service = await startConfigured(handlerTable("chat", `${other.url}/h?a=1`, more), { env: { TEST_CODE: "c/ö=de", HUBWIRE_LOG: "trace" } });
    const client = await RawClient.json(service, "chat");
    client.send({ type: "event", event: "e", data: 1, ackId: 1 });
    await client.next();
    const [event] = other.events;
    assert.equal(event.url, "/h?a=1&code=c%2F%C3%B6%3Dde");
    assert.equal(event.headers.authorization, "Bearer the-token");
    assert.equal(event.headers["x-extra"], "yes");
    other.answer = () => ({ status: 404 });
    client.send({ type: "event", event: "e", data: 1, ackId: 2 });
    assert.equal((await client.next()).json.success, false);
    await client.close(1000);
    await Promise.all([service.stop(), other.stop()]);
    assert.equal(/c%2F%C3|c\/ö|the-token/.test(service.output.stderr), false, service.output.stderr.slice(-2000));
  });

  test("a token of an issuer is fetched once and shown", async () => {
    const other = await BareHandler.start();
    const issuer = await BareHandler.start();
    issuer.validation = () => ({ status: 200, body: JSON.stringify({ token_endpoint: `${issuer.url}/token` }) });
    issuer.answer = () => ({ status: 200, body: JSON.stringify({ access_token: "granted", expires_in: 3600 }) });
    const more = `user_event_pattern = "*"\nclient_credentials = { issuer = "${issuer.url}", client_id = "me", client_secret = "shh", scope = "app/.default" }`;
    const service = await startConfigured(handlerTable("chat", other.urlTemplate, more));
    const client = await RawClient.json(service, "chat");
    for (const ackId of [1, 2]) {
      client.send({ type: "event", event: "e", data: 1, ackId });
      assert.equal((await client.next()).json.success, true);
    }
    assert.deepEqual(other.events.map(({ headers }) => headers.authorization), ["Bearer granted", "Bearer granted"]);
    assert.deepEqual(issuer.requests.map(({ method, url }) => `${method} ${url}`), ["GET /.well-known/openid-configuration", "POST /token"]);
    assert.equal(issuer.requests[1].headers.authorization, `Basic ${Buffer.from("me:shh").toString("base64")}`);
    assert.equal(issuer.requests[1].body.toString(), "grant_type=client_credentials&scope=app%2F%2Edefault");
    await client.close(1000);
    await Promise.all([service.stop(), other.stop(), issuer.stop()]);
  });

  test("hosts that are not allowed, and private addresses where they are forbidden, are not called", async () => {
    const other = await BareHandler.start();
    for (const setting of ['allowed_hosts = ["app.example"]', "forbid_private_addresses = true"]) {
      for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"]) {
        const service = await startConfigured(`[upstream]\n${setting}\n${handlerTable("chat", `http://${host}:${other.port}/{event}`)}`);
        const refused = await RawClient.json(service, "chat").catch((error) => error);
        assert.equal(refused.status, 500);
        assert.match(service.output.stderr, /setting upstream\./);
        await service.stop();
      }
    }
    assert.equal(other.requests.length, 0);
    await other.stop();
  });

  test("a handler is told the trace of a call only where the settings say so", async () => {
    const other = await BareHandler.start();
    const service = await startConfigured(`[upstream]\ntrace_context = true\n${handlerTable("chat", other.urlTemplate)}`);
    const client = await RawClient.json(service, "chat");
    const [{ headers }] = other.named("connect");
    assert.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(headers.traceparent.split("-")[1], headers["x-ms-client-request-id"].replaceAll("-", ""));
    await client.close(1000);
    await Promise.all([service.stop(), other.stop()]);
  });

  ofOneProcess(test)("a new handler gets the next event of a connection that is open, and a broken file changes nothing", async () => {
    const first = await BareHandler.start();
    const second = await BareHandler.start();
    const service = await startConfigured(handlerTable("chat", first.urlTemplate));
    const client = await RawClient.json(service, "chat");
    client.send({ type: "event", event: "e", data: 1, ackId: 1 });
    await client.next();
    writeFileSync(service.file, handlerTable("chat", second.urlTemplate));
    await until(() => service.output.stderr.includes("was read again"), "the new settings");
    client.send({ type: "event", event: "e", data: 1, ackId: 2 });
    await client.next();
    writeFileSync(service.file, handlerTable("chat", "http://{hub}.example/{evnt}"));
    await until(() => service.output.stderr.includes("changes nothing"), "the refusal");
    client.send({ type: "event", event: "e", data: 1, ackId: 3 });
    await client.next();
    assert.deepEqual([first.named("e").length, second.named("e").length], [1, 2]);
    await client.close(1000);
    await Promise.all([service.stop(), first.stop(), second.stop()]);
  });
});
