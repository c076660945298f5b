// Event listeners: copies of events, in NATS JetStream and as batches over HTTP.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect } from "nats";
import { until } from "./support/deadline.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { RawClient } from "./support/raw_client.mjs";

/** A NATS server with JetStream. */
class JetStream extends Nats {
  static async start(args = [], folder = mkdtempSync(join(tmpdir(), "hubwire-nats-")), port = -1) {
    return Object.setPrototypeOf(await Nats.start({ args: ["-js", "-sd", join(folder, "store"), ...args], folder, port }), JetStream.prototype);
  }

  async stream(subjects, options = {}) {
    this.client = await connect({ servers: this.url, ...options });
    const manager = await this.client.jetstreamManager();
    await manager.streams.add({ name: "events", subjects });
  }

  /** Everything that the stream holds now. */
  async messages() {
    const manager = await this.client.jetstreamManager();
    const { state } = await manager.streams.info("events");
    const messages = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
      const { subject, data, header } = await manager.streams.getMessage("events", { seq });
      messages.push({ subject, data, headers: header });
    }
    return messages;
  }

  async stop(options) {
    await this.client?.close();
    await super.stop(options);
  }
}

const listener = (target, more = 'user_event_pattern = "*"\nsystem_events = ["connected", "disconnected"]\npresence_events = ["joined"]') => `[[hubs.chat.event_listeners]]\nname = "copies"\n${more}\n${target}\n`;

withNats("a NATS listener", () => {
  test("gets every event once, with attributes, metadata and payload", async () => {
    const nats = await JetStream.start();
    await nats.stream(["hubwire.events.>"]);
    const service = await startConfigured(listener(`nats = { servers = ["${nats.url}"] }`));
    const client = await RawClient.json(service, "chat", { userId: "üser" });
    client.send({ type: "event", event: "a.b", dataType: "text", data: "grüezi", metadata: { K: "v" }, ackId: 1 });
    assert.equal((await client.next()).json.success, true, "a listener takes the event");
    await client.join("g");
    await client.close(1000);
    await until(async () => (await nats.messages()).length >= 4, "four messages");
    const messages = await nats.messages();
    assert.deepEqual(messages.map(({ subject }) => subject), ["connected", "a%2Eb", "joined", "disconnected"].map((event) => `hubwire.events.chat.${event}`));
    const [, event, joined] = messages;
    const header = (message, name) => message.headers.get(name);
    assert.equal(new TextDecoder().decode(event.data), "grüezi");
    assert.equal(header(event, "Content-Type"), "text/plain; charset=utf-8");
    assert.equal(header(event, "Nats-Msg-Id"), `${client.connectionId}/2`);
    assert.equal(header(event, "ce-type"), "azure.webpubsub.user.a.b");
    assert.equal(header(event, "ce-source"), `/hubs/chat/client/${client.connectionId}`);
    assert.equal(header(event, "ce-userid"), "üser");
    assert.equal(header(event, "ce-id"), "2");
    assert.equal(header(event, "x-webpubsub-metadata-k"), "v");
    assert.equal(new TextDecoder().decode(joined.data), '{"group":"g"}');
    await service.stop();
    await nats.stop();
  });

  test("delays nobody while there is no stream or no server, and gets everything in order afterwards", async () => {
    const nats = await JetStream.start();
    const port = new URL(nats.url).port;
    await nats.stop({ keep: true });
    const service = await startConfigured(listener(`nats = { servers = ["${nats.url}"], subject = "copies.{event}" }`, 'user_event_pattern = "*"'));
    const client = await RawClient.json(service, "chat");
    for (let number = 1; number <= 20; number += 1) {
      client.send({ type: "event", event: "e", dataType: "text", data: String(number), ackId: number });
      assert.equal((await client.next()).json.success, true);
    }
    await until(() => service.output.stderr.includes("cannot be reached"), "the complaint");
    const back = await JetStream.start([], nats.folder, port);
    await until(() => service.output.stderr.includes("no JetStream stream takes the subject copies.e"), "the complaint about the stream", 15_000);
    await back.stream(["copies.*"]);
    await until(async () => (await back.messages()).length >= 20, "all messages", 20_000);
    assert.deepEqual((await back.messages()).map(({ data }) => new TextDecoder().decode(data)), Array.from({ length: 20 }, (_, index) => String(index + 1)));
    await client.close(1000);
    await service.stop();
    await back.stop();
  });

  test("that is not let in says so, without the secret", async () => {
    const nats = await JetStream.start(["--user", "me", "--pass", "right"]);
    const service = await startConfigured(listener(`nats = { servers = ["${nats.url}"], user = "me", password = "very-wrong" }`));
    const client = await RawClient.json(service, "chat");
    await until(() => /authorization violation/i.test(service.output.stderr), "the refusal");
    assert.equal(service.output.stderr.includes("very-wrong"), false);
    await client.close(1000);
    await service.stop();
    await nats.stop();
  });
});

describe("an HTTP listener", () => {
  test("gets batches of CloudEvents; a failure is repeated, a refusal is given up", async () => {
    const target = await BareHandler.start();
    let answers = [503];
    target.answer = () => ({ status: answers.shift() ?? 202 });
    const service = await startConfigured(listener(`http = { url = "${target.url}/events?key=1", bearer_token = "t", headers = { x-extra = "1" } }`));
    const client = await RawClient.json(service, "chat", { userId: "u" });
    client.sendText('{"type":"event","event":"e","dataType":"json","data":{"b":  1.50},"metadata":{"k":"v"},"ackId":1}');
    await client.next();
    client.send({ type: "event", event: "e", dataType: "binary", data: "AP8=", ackId: 2 });
    await client.next();
    await client.close(1000);
    const told = () => target.events.slice(1).flatMap(({ body }) => JSON.parse(body));
    await until(() => told().length >= 4, "four events");
    const [connected, event, binary, disconnected] = told();
    assert.deepEqual([connected.type, disconnected.type], ["azure.webpubsub.sys.connected", "azure.webpubsub.sys.disconnected"]);
    assert.ok(target.events[2].body.toString().includes('"data":{"b":  1.50}'), "JSON stays as it was written");
    const { time, subprotocol, ...rest } = event;
    assert.ok(time && subprotocol);
    assert.deepEqual(rest, { specversion: "1.0", awpsversion: "1.0", type: "azure.webpubsub.user.e", source: `/hubs/chat/client/${client.connectionId}`, id: "2", hub: "chat", eventname: "e", connectionid: client.connectionId, userid: "u", datacontenttype: "application/json", metadata: '{"k":"v"}', data: { b: 1.5 } });
    assert.equal(binary.data_base64, "AP8=");
    assert.equal(target.events[0].headers["content-type"], "application/cloudevents-batch+json; charset=utf-8");
    assert.equal(target.events[0].headers.authorization, "Bearer t");
    assert.equal(target.events[0].headers["x-extra"], "1");
    await service.stop();
    await target.stop();
  });

  test("gets its copy although a handler answers, and a handler's failure still counts", async () => {
    const target = await BareHandler.start();
    const handler = await BareHandler.start();
    handler.answer = ({ body }) => ({ status: body.toString() === "no" ? 400 : 204 });
    const service = await startConfigured(handlerTable("chat", handler.urlTemplate, 'user_event_pattern = "*"') + listener(`http = { url = "${target.url}/" }`, 'user_event_pattern = "e"'));
    const client = await RawClient.json(service, "chat");
    for (const [ackId, data, success] of [[1, "yes", true], [2, "no", false]]) {
      client.send({ type: "event", event: "e", dataType: "text", data, ackId });
      assert.equal((await client.next()).json.success, success);
    }
    await until(() => target.events.length >= 2, "both copies");
    assert.deepEqual(target.events.map(({ body }) => JSON.parse(body)[0].id), handler.events.map(({ headers }) => headers["ce-id"]));
    await client.close(1000);
    await Promise.all([service.stop(), target.stop(), handler.stop()]);
  });
});
