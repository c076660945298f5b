// Handlers behind TLS: HTTP/2 where both sides speak it, certificates, and connections that die without a word.
import assert from "node:assert/strict";
import http2 from "node:http2";
import https from "node:https";
import { after, before, describe, test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { Proxy } from "./support/proxy.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { ofOneProcess } from "./support/server.mjs";

const TAKES = 'user_event_pattern = "*"\nsystem_events = ["connect", "connected", "disconnected"]';
const event = (ackId = 1) => ({ type: "event", event: "e", dataType: "text", data: "x", ackId });
const authority = new Authority();
const trusting = { env: { SSL_CERT_FILE: authority.file }, args: ["--workers", "1"] };
const handlers = [];

async function secure(create) {
  const handler = await BareHandler.start(0, { create, scheme: "https" });
  handlers.push(handler);
  return handler;
}

const speaksBoth = (names) => secure((serve) => http2.createSecureServer({ ...authority.server(names), allowHTTP1: true }, serve));
const speaksHttp1 = () => secure((serve) => https.createServer(authority.server(), serve));

after(() => Promise.all(handlers.map((handler) => handler.stop())));

async function sendsOne(server) {
  const client = await RawClient.json(server, "chat", { userId: "üser" });
  client.send({ ...event(), metadata: { Key: "v" } });
  assert.equal((await client.ack(1)).success, true);
  await client.close(1000);
}

describe("a handler behind TLS", () => {
  for (const [name, start, version] of [["that offers HTTP/2 is told over HTTP/2", speaksBoth, "2.0"], ["that offers no HTTP/2 is told over HTTP/1.1", speaksHttp1, "1.1"]]) {
    test(`${name}, with the same headers`, async () => {
      const handler = await start();
      const server = await startConfigured(handlerTable("chat", handler.urlTemplate, TAKES), trusting);
      await sendsOne(server);
      await handler.event("disconnected");
      assert.deepEqual(handler.requests.map(({ httpVersion }) => httpVersion), Array(5).fill(version));
      const [validation, connect, ...events] = handler.requests;
      assert.deepEqual([validation.method, validation.url], ["OPTIONS", "/eventhandler/chat/validate"]);
      assert.equal(connect.url, "/eventhandler/chat/connect");
      assert.deepEqual(events.map(({ headers }) => headers["ce-eventname"]).sort(), ["connected", "disconnected", "e"]);
      const [{ headers, body }] = handler.named("e");
      assert.equal(headers["x-webpubsub-metadata-key"], "v");
      assert.equal(Buffer.from(headers["ce-userid"], "latin1").toString("utf8"), "üser");
      assert.equal(headers["webhook-request-origin"], "127.0.0.1");
      assert.equal(headers["content-type"], "text/plain; charset=utf-8");
      assert.equal(Number(headers["content-length"]), body.length);
      await server.stop();
    });
  }

  ofOneProcess(test)("is told many events at once over one HTTP/2 connection", async () => {
    const CLIENTS = 50;
    const handler = await speaksBoth();
    const server = await startConfigured(handlerTable("chat", handler.urlTemplate, 'user_event_pattern = "*"'), trusting);
    // The first call finds out that HTTP/2 is spoken.
    await sendsOne(server);
    const held = [];
    handler.answer = () => new Promise((resolve) => held.push(() => resolve({ status: 204 })));
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.json(server, "chat")));
    for (const client of clients) client.send(event());
    await until(() => held.length === CLIENTS, () => `all events at once; there are ${held.length}`);
    const sessions = new Set(handler.events.map(({ session }) => session));
    assert.equal(sessions.size, 1);
    for (const answer of held) answer();
    for (const client of clients) assert.equal((await client.ack(1)).success, true);
    await RawClient.closeAll(...clients);
    await server.stop();
  });

  for (const [name, names, options, words] of [
    ["an authority that is not trusted", undefined, { env: { SSL_CERT_FILE: new Authority().file } }, /invalid peer certificate: UnknownIssuer/],
    ["another name", "DNS:elsewhere.example", trusting, /invalid peer certificate: .*not valid for/i],
  ]) {
    test(`with a certificate of ${name} is not called, and the log says why`, async () => {
      const handler = await speaksBoth(names);
      const server = await startConfigured(`[limits]\nupstream_call_timeout_ms = 1500\n${handlerTable("chat", handler.urlTemplate, 'user_event_pattern = "*"\nvalidate = false')}`, options);
      const client = await RawClient.json(server, "chat");
      client.send(event());
      assert.equal((await client.ack(1)).error.name, "InternalServerError");
      assert.match(server.output.stderr, words);
      assert.equal(handler.requests.length, 0);
      await client.close(1000);
      await server.stop();
    });
  }
});

describe("an HTTP/2 connection that dies without a word", () => {
  let handler;
  let proxy;
  let server;
  before(async () => {
    handler = await speaksBoth();
    proxy = await Proxy.before(handler);
    server = await startConfigured(handlerTable("chat", `https://127.0.0.1:${proxy.port}/{event}`, 'user_event_pattern = "*"'), trusting);
  });
  after(async () => {
    await server.stop();
    await proxy.stop();
  });

  test("is found dead, and its events are repeated over a new one", async () => {
    const client = await RawClient.json(server, "chat");
    client.send(event(1));
    await client.ack(1);
    proxy.freeze();
    client.send(event(2));
    // The service asks for a sign of life after 5 s, and waits for it for as long.
    const { json } = await client.frame((one) => one.json?.ackId === 2, "the ack of 2", 60_000);
    assert.equal(json.success, true);
    assert.equal(proxy.accepted, 2);
    await client.close(1000);
  });
});
