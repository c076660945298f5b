// Distributed traces: what a collector of OpenTelemetry sees of a call, and of all that comes of it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { Collector } from "./support/collector.mjs";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";

const SECRET = "secret-of-the-collector";
const EVENTS = 'user_event_pattern = "*"\nsystem_events = ["connect", "disconnected"]\npresence_events = ["joined"]\ncode = "secret-of-the-handler"';

const telemetry = (url, more = "") => `[telemetry]\nendpoint = "${url}"\nheaders = { "x-api-key" = { env = "COLLECTOR_KEY" } }\n${more}\n`;

/** A trace that a caller is in the middle of. */
function caller(flags = "01") {
  const [traceId, spanId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex")];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

const parent = (request) => {
  const [version, traceId, spanId, flags] = request.headers.traceparent.split("-");
  assert.equal(version, "00");
  return { traceId, spanId, flags };
};

async function port() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return free;
}

describe("a collector", () => {
  let collector, handler, server;
  before(async () => {
    collector = await Collector.start();
    handler = await BareHandler.start();
    const settings = `${telemetry(collector.url, 'service_name = "chat-backend"')}[upstream]\ntrace_context = true\n${handlerTable("_default", handler.urlTemplate, EVENTS)}`;
    server = await startConfigured(settings, { env: { COLLECTOR_KEY: SECRET } });
  });
  after(async () => {
    await server.stop();
    await Promise.all([collector.stop(), handler.stop()]);
  });

  test("sees a REST call, its publish, its delivery and the webhook that it causes in the trace that its caller names", async () => {
    const name = server.hub();
    const [hub, client, call] = [new Hub(server, name), await RawClient.json(server, name), caller()];
    const { traceId } = call;
    await hub.call("PUT", `/groups/room/connections/${client.connectionId}`, { headers: call.headers });
    await hub.sendText("/groups/room", "the payload", {}, call.headers);
    assert.equal((await client.message()).data, "the payload");

    const mine = (span) => span.traceId === traceId;
    const send = await collector.span("SendToGroup", mine);
    assert.deepEqual([send.parentId, send.kind, send.attributes["http.response.status_code"]], [call.spanId, "server", 202]);
    assert.equal(send.attributes["url.path"], `/api/hubs/${name}/groups/room/:send`);
    assert.equal(send.resource["service.name"], "chat-backend");
    const publish = await collector.span("publish", mine);
    assert.deepEqual([publish.parentId, publish.kind, publish.attributes["hubwire.group"]], [send.spanId, "producer", "room"]);
    const delivery = await collector.span("deliver", mine);
    assert.deepEqual([delivery.parentId, delivery.kind, delivery.attributes["hubwire.delivered"]], [publish.spanId, "consumer", 1]);
    assert.ok(send.beginsNs <= delivery.endsNs && delivery.beginsNs <= delivery.endsNs);

    const add = await collector.span("AddConnectionToGroup", mine);
    const joined = await handler.event("joined");
    const webhook = await collector.span("event joined", mine);
    assert.deepEqual([webhook.parentId, webhook.kind], [add.spanId, "client"]);
    assert.deepEqual(parent(joined), { traceId, spanId: webhook.spanId, flags: "01" }, "the handler is told the span of its own call");
    await client.close(1000);
  });

  test("sees a client's event, the webhook that it becomes, and the delivery of its answer in one trace", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    handler.answer = ({ headers }) => (headers["ce-eventname"] === "ask" ? { status: 200, headers: { "content-type": "text/plain" }, body: "answer" } : { status: 204 });
    client.send({ type: "event", event: "ask", dataType: "text", data: "x", ackId: 1 });
    assert.equal((await client.message()).data, "answer");
    const webhook = await collector.span("event ask");
    assert.deepEqual(parent(await handler.event("ask")), { traceId: webhook.traceId, spanId: webhook.spanId, flags: "01" });
    const mine = (span) => span.traceId === webhook.traceId;
    const event = await collector.span("event", mine);
    assert.deepEqual([event.parentId, webhook.parentId], ["", event.spanId]);
    assert.equal(event.attributes["hubwire.connection"], client.connectionId);
    assert.equal((await collector.span("deliver", mine)).parentId, event.spanId);
    await client.close(1000);
  });

  test("sees a client's publish and its deliveries, and a handshake's webhook in the trace that its client names", async () => {
    const name = server.hub();
    const call = caller();
    const [first, second] = [await RawClient.json(server, name), await RawClient.json(server, name, { headers: call.headers })];
    await second.join("room");
    await first.publish("room", "x");
    await second.message();
    const send = await collector.span("sendToGroup", (span) => span.attributes["hubwire.hub"] === name);
    assert.equal((await collector.span("deliver", (span) => span.traceId === send.traceId)).parentId, send.spanId);
    const connect = await collector.span("event connect", (span) => span.traceId === call.traceId);
    assert.equal(connect.parentId, call.spanId);
    await RawClient.closeAll(first, second);
  });

  test("sees nothing of a trace whose caller does not keep it, and the handler is told so", async () => {
    const name = server.hub();
    const [hub, client, dropped, kept] = [new Hub(server, name), await RawClient.json(server, name), caller("00"), caller()];
    const join = (group, headers) => hub.call("PUT", `/groups/${group}/connections/${client.connectionId}`, { headers });
    await join("first", dropped.headers);
    await join("second", kept.headers);
    const told = await until(() => handler.named("joined").find((request) => parent(request).traceId === dropped.traceId), "the webhook of the trace that is not kept");
    assert.equal(parent(told).flags, "00");
    await collector.span("event joined", (span) => span.traceId === kept.traceId);
    assert.equal(collector.spans.filter((span) => span.traceId === dropped.traceId).length, 0, "what came before a span that has arrived would have arrived");
    await client.close(1000);
  });

  test("gets its own header, and nobody's secrets or payloads", async () => {
    const hub = new Hub(server, server.hub());
    const { traceId, headers } = caller();
    assert.equal((await hub.sendText("", "a payload that is nobody's business", {}, headers)).status, 202);
    assert.equal((await hub.call("HEAD", "/users/x", { token: "secret-of-a-caller", headers })).status, 401);
    const refused = await collector.span("CheckUserExists", (span) => span.traceId === traceId);
    assert.equal(refused.attributes["http.response.status_code"], 401);
    assert.ok(collector.requests.every((request) => request.url === "/v1/traces" && request.headers["x-api-key"] === SECRET));
    const all = Buffer.concat(collector.requests.map((request) => request.body)).toString("latin1");
    for (const secret of ["secret-of", "access_token", "Bearer", "nobody's business", "the payload", server.accessKey, "code="]) {
      assert.ok(!all.includes(secret), `${secret} is in a span`);
    }
    assert.ok(!server.output.stderr.includes(SECRET));
  });
});

describe("a collector that is away", () => {
  test("changes nothing, is told once in the log, and is counted", async () => {
    const [collectorPort, metricsPort] = [await port(), await port()];
    const server = await startConfigured(`[metrics]\nlisten = "127.0.0.1:${metricsPort}"\n${telemetry(`http://127.0.0.1:${collectorPort}`)}`, { env: { COLLECTOR_KEY: SECRET } });
    const name = server.hub();
    const [hub, client] = [new Hub(server, name), await RawClient.json(server, name)];
    for (let number = 0; number < 50; number += 1) {
      assert.equal((await hub.sendText("", `m${number}`)).status, 202);
      assert.equal((await client.message()).data, `m${number}`);
    }
    const dropped = async () => /webpubsub_spans_dropped_total (\d+)/.exec(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text())?.[1];
    await until(async () => Number(await dropped()) > 0, "dropped spans in the metrics");
    assert.match(server.output.stderr, /spans cannot be exported/);
    await hub.sendText("", "last");
    assert.equal((await client.message()).data, "last");
    const { code } = await server.stop();
    assert.equal(code, 0);
    assert.equal(server.output.stderr.match(/spans cannot be exported/g).length, 1);
  });

  test("gets what happens when it is back", async () => {
    const collector = await Collector.start();
    let away = true;
    collector.answer = () => (away ? 503 : 200);
    const server = await startConfigured(telemetry(collector.url), { env: { COLLECTOR_KEY: SECRET } });
    const hub = new Hub(server, server.hub());
    await hub.sendText("", "lost");
    await until(() => /spans cannot be exported.*503|503.*spans cannot be exported/.test(server.output.stderr), "the log to say that the collector is away");
    away = false;
    const { traceId, headers } = caller();
    await hub.sendText("", "seen", {}, headers);
    await collector.span("publish", (span) => span.traceId === traceId);
    await server.stop();
    await collector.stop();
  });
});

describe("settings of telemetry", () => {
  test("no trace that begins here is kept at a ratio of 0, and those of callers are", async () => {
    const collector = await Collector.start();
    const server = await startConfigured(telemetry(collector.url, "sampling_ratio = 0.0"), { env: { COLLECTOR_KEY: SECRET } });
    const hub = new Hub(server, server.hub());
    for (let number = 0; number < 20; number += 1) await hub.sendText("", "x");
    const { traceId, headers } = caller();
    await hub.sendText("", "x", {}, headers);
    await collector.span("publish", (span) => span.traceId === traceId);
    assert.ok(collector.spans.every((span) => span.traceId === traceId));
    await server.stop();
    await collector.stop();
  });

  test("that are wrong stop the start with a sentence", async () => {
    for (const [settings, sentence] of [
      ['endpoint = "collector:4318"', /setting `telemetry\.endpoint`: .*base URL/],
      ['endpoint = "http://127.0.0.1:4318"\nsampling_ratio = 1.5', /setting `telemetry\.sampling_ratio`: it is a number from 0\.0/],
      ['endpoint = "http://127.0.0.1:4318"\nheaders = { "no name" = "x" }', /it is not the name of a header/],
      ['sampling_ratio = 1.0', /endpoint/],
    ]) {
      await assert.rejects(startConfigured(`[telemetry]\n${settings}\n`), sentence);
    }
  });
});
