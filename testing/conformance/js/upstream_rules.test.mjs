// Smaller rules of events and their answers, each by itself.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { HandshakeRefused, RawClient } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { binaryPath, ofOneProcess } from "./support/server.mjs";

let handler;
let server;
before(async () => {
  handler = await BareHandler.start();
  const tables = [
    handlerTable("_default", handler.urlTemplate),
    handlerTable("users", handler.urlTemplate, 'user_event_pattern = "connected, e"'),
    handlerTable("silent", handler.urlTemplate, 'system_events = ["connected"]'),
  ];
  server = await startConfigured(`[upstream]\norigin = "Public.Example"\n${tables.join("")}`);
});
after(async () => {
  await server.stop();
  await handler.stop();
});
beforeEach(() => {
  handler.answer = () => ({ status: 204 });
});

const of = (client, name) => handler.events.filter(({ headers }) => headers["ce-connectionid"] === client.connectionId && headers["ce-eventname"] === name);
const answers = (byName) => {
  handler.answer = ({ headers }) => byName[headers["ce-eventname"]] ?? { status: 204 };
};
const event = (ackId, name = "e") => ({ type: "event", event: name, dataType: "text", data: "x", ackId });
const told = async (client, ackId, name) => {
  client.send(event(ackId, name));
  return client.ack(ackId);
};
const state = (value, status = 204) => ({ status, headers: { "ce-connectionState": value } });

describe("the state of a connection", () => {
  test("is what the last successful answer said, and is left out while it is empty", async () => {
    answers({ connect: { status: 204, headers: { "ce-connectionState": ["first", "second"] } }, connected: state("ignored"), e: state("third"), bad: state("never", 400), clear: state("") });
    const client = await RawClient.json(server, server.hub());
    await until(() => of(client, "connected").length === 1, "connected");
    assert.equal(of(client, "connect")[0].headers["ce-connectionstate"], undefined);
    assert.equal(of(client, "connected")[0].headers["ce-connectionstate"], "second", "the last of several counts");
    await told(client, 1);
    assert.equal(of(client, "e")[0].headers["ce-connectionstate"], "second", "an answer to connected changes nothing");
    assert.equal((await told(client, 2, "bad")).success, false);
    await told(client, 3, "clear");
    assert.equal(of(client, "clear")[0].headers["ce-connectionstate"], "third", "a failure changes nothing");
    await told(client, 4, "none");
    assert.equal(of(client, "none")[0].headers["ce-connectionstate"], undefined);
    await told(client, 5, "none");
    await client.close(1000);
  });
});

describe("cookies", () => {
  test("of answers that fail, and of validations, are not kept", async () => {
    const other = await BareHandler.start();
    other.validation = () => ({ status: 200, headers: { "WebHook-Allowed-Origin": "*", "set-cookie": "validation=1" } });
    other.answer = ({ headers }) => (headers["ce-eventname"] === "bad" ? { status: 400, headers: { "set-cookie": "bad=1" } } : { status: 204, headers: { "set-cookie": `${headers["ce-eventname"]}=1` } });
    const service = await startConfigured(handlerTable("chat", other.urlTemplate, 'user_event_pattern = "*"'));
    const client = await RawClient.json(service, "chat");
    await told(client, 1, "bad");
    await told(client, 2, "good");
    await told(client, 3, "last");
    assert.equal(other.named("good")[0].headers.cookie, undefined);
    assert.equal(other.named("last")[0].headers.cookie, "good=1");
    await client.close(1000);
    await Promise.all([service.stop(), other.stop()]);
  });
});

describe("an event", () => {
  test("names the configured host on every request, validation included, without regard to what the client asked for", async () => {
    const client = await RawClient.json(server, server.hub());
    await told(client, 1);
    await client.close(1000);
    for (const request of handler.requests) assert.equal(request.headers["webhook-request-origin"], "public.example");
  });

  test("has the number 2 if it is the first of its client, also where nobody takes connect and connected", async () => {
    const client = await RawClient.json(server, "users");
    await told(client, 1);
    assert.equal(of(client, "e")[0].headers["ce-id"], "2");
    await client.close(1000);
  });

  test("of a client called connected is a user event, and goes by the pattern", async () => {
    const client = await RawClient.json(server, "users");
    assert.equal((await told(client, 1, "connected")).success, true);
    assert.equal(of(client, "connected")[0].headers["ce-type"], "azure.webpubsub.user.connected");
    await client.close(1000);
  });

  test("that nobody takes fails: an error acknowledgement, 1011 for a simple client", async () => {
    const client = await RawClient.json(server, "silent");
    assert.deepEqual((await told(client, 1)).error, { name: "InternalServerError", message: "Internal server error" });
    client.send({ ...event(undefined), ackId: undefined });
    await client.settled();
    assert.deepEqual(client.unseen, [], "without an ack id nothing is said");
    const simple = await RawClient.simple(server, "silent");
    simple.sendText("x");
    assert.deepEqual(await simple.closed(), { code: 1011, reason: "Internal server error" });
    await client.close(1000);
  });

  test("of a binary frame of a simple client is binary; an answer in each type is a bare frame", async () => {
    const client = await RawClient.simple(server, server.hub());
    answers({ message: { status: 200, headers: { "content-type": "application/json" }, body: '{"a":1}' } });
    client.sendBinary(Buffer.from([0, 255]));
    const json = await client.next();
    assert.deepEqual([json.isBinary, json.text], [false, '{"a":1}']);
    const request = handler.named("message").at(-1);
    assert.deepEqual([request.headers["content-type"], [...request.body]], ["application/octet-stream", [0, 255]]);
    assert.equal(request.headers["ce-subprotocol"], undefined);
    answers({ message: { status: 200, headers: { "content-type": "application/x-protobuf" }, body: Buffer.from([8, 1]) } });
    client.sendText("x");
    const protobuf = await client.next();
    assert.deepEqual([protobuf.isBinary, [...protobuf.data]], [true, [8, 1]]);
    await client.close(1000);
  });

  test("whose answer has an empty body of any type is only acknowledged", async () => {
    answers({ e: { status: 200, headers: { "content-type": "text/html" } } });
    const client = await RawClient.json(server, server.hub());
    assert.equal((await told(client, 1)).success, true);
    await client.settled();
    assert.deepEqual(client.unseen, []);
    await client.close(1000);
  });

  for (const [status, attempts] of [[503, 4], [408, 4], [400, 1]]) {
    test(`that is answered with ${status} each time is told ${attempts} time(s), and then fails`, async () => {
      answers({ e: { status } });
      const client = await RawClient.json(server, server.hub());
      client.send(event(1));
      // The waits between the attempts are 1, 3 and 5 s.
      const { json } = await client.frame((one) => one.json?.type === "ack", "the ack", 60_000);
      assert.equal(json.success, false);
      assert.equal(of(client, "e").length, attempts);
      assert.equal(new Set(of(client, "e").map(({ headers }) => headers["x-ms-client-request-id"])).size, 1);
      await client.close(1000);
    });
  }
});

describe("disconnected", () => {
  test("says that the application closed the connection, and why", async () => {
    const hub = server.hub();
    const client = await RawClient.json(server, hub);
    await new Hub(server, hub).call("DELETE", `/connections/${client.connectionId}`, { query: { reason: "enough" } });
    await client.closed();
    await until(() => of(client, "disconnected").length === 1, "the end");
    assert.deepEqual(JSON.parse(of(client, "disconnected")[0].body), { reason: "Application server closed the connection. Reason: enough" });
  });

  test("says that the connection ended when its socket was cut, and nothing when the client closed without a reason", async () => {
    const hub = server.hub();
    const [cut, closed] = await Promise.all([RawClient.json(server, hub), RawClient.json(server, hub)]);
    cut.cut();
    await closed.close(1000);
    await until(() => of(cut, "disconnected").length + of(closed, "disconnected").length === 2, "the ends");
    assert.deepEqual(JSON.parse(of(cut, "disconnected")[0].body), { reason: "The connection ended." });
    assert.deepEqual(JSON.parse(of(closed, "disconnected")[0].body), { reason: "" });
  });

  test("is told although connected was refused", async () => {
    answers({ connected: { status: 404 } });
    const client = await RawClient.json(server, server.hub());
    await client.close(1000);
    await until(() => of(client, "disconnected").length === 1, "the end");
    assert.equal(of(client, "connected").length, 1, "what is refused is not told again");
  });
});

describe("connect", () => {
  test("whose answer exceeds the limit is 500, with a length and without", async () => {
    for (const headers of [{}, { "content-length": String(17 << 20) }]) {
      answers({ connect: { status: 200, headers, body: " ".repeat(17 << 20) } });
      const refused = await RawClient.connect(clientUrl(server, server.hub())).catch((error) => error);
      assert.ok(refused instanceof HandshakeRefused, `${refused}`);
      assert.equal(refused.status, 500);
    }
  });

  test("is not asked of a hub without a handler for it", async () => {
    const before = handler.named("connect").length;
    const client = await RawClient.json(server, "silent");
    await until(() => of(client, "connected").length === 1, "connected");
    assert.equal(handler.named("connect").length, before);
    await client.close(1000);
  });
});

describe("a validation", () => {
  test("that failed is repeated soon, and events go out once it passes", async () => {
    const other = await BareHandler.start();
    const allowed = other.validation;
    other.validation = () => ({ status: 405 });
    const service = await startConfigured(handlerTable("chat", other.urlTemplate, 'user_event_pattern = "*"'));
    const client = await RawClient.json(service, "chat");
    assert.equal((await told(client, 1)).success, false);
    assert.deepEqual(other.requests.map(({ method }) => method), ["OPTIONS"], "only a 404 is asked again with GET");
    other.validation = allowed;
    let ackId = 1;
    await until(async () => (await told(client, (ackId += 1))).success, "an event that goes out");
    await client.close(1000);
    await Promise.all([service.stop(), other.stop()]);
  });

  ofOneProcess(test)("is asked once, of many clients at once, and holds up all of them", async () => {
    const other = await BareHandler.start();
    let pass;
    other.validation = () => new Promise((resolve) => (pass = () => resolve({ status: 200, headers: { "WebHook-Allowed-Origin": "*" } })));
    const service = await startConfigured(handlerTable("chat", other.urlTemplate, 'user_event_pattern = "*"'));
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.json(service, "chat")));
    for (const client of clients) client.send(event(1));
    await until(() => pass, "the validation");
    assert.equal(other.events.length, 0);
    pass();
    for (const client of clients) assert.equal((await client.ack(1)).success, true);
    assert.equal(other.requests.length - other.events.length, 1);
    await RawClient.closeAll(...clients);
    await Promise.all([service.stop(), other.stop()]);
  });
});

describe("a URL template", () => {
  for (const [template, words] of [
    ["tunnel:///path", /tunnel/],
    ["https://{@Microsoft.KeyVault(SecretUri=https://v.example/s)}", /Key Vault/],
    ["https://app.example/{category}", /`\{category\}` is not a parameter/],
    ["https://{hub}.example/", /cannot stand in the domain/],
    ["ftp://app.example/", /http:\/\/ or https:\/\//],
    ["/relative", /not an absolute URL/],
  ]) {
    test(`${template} is refused at the start, in words`, () => {
      const file = join(server.folder, "refused.toml");
      writeFileSync(file, handlerTable("chat", template));
      const { status, stderr } = spawnSync(binaryPath(), ["serve", "--listen", "127.0.0.1:0", "--config", file], { encoding: "utf8", timeout: 10_000 });
      assert.equal(status, 2);
      assert.match(stderr, words);
    });
  }

  test("with {HUB} and {Event} gets the names percent-encoded, in any case of the parameters", async () => {
    const other = await BareHandler.start();
    const service = await startConfigured(handlerTable('"a.b"', `${other.url}/{HUB}/x?e={Event}`, 'user_event_pattern = "*"'));
    const client = await RawClient.json(service, "a.b");
    assert.equal((await told(client, 1, "Say.It_1-2")).success, true);
    assert.equal(other.events[0].url, "/a.b/x?e=Say.It_1-2");
    await client.close(1000);
    await Promise.all([service.stop(), other.stop()]);
  });
});
