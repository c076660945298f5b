// Streams: the official client, and raw frames of every rule.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { ProtobufClient } from "./support/protobuf_client.mjs";
import { Proxy } from "./support/proxy.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { RealtimeClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer({ args: ["--workers", "3"] })));
after(() => server.stop());

const LONG_DEADLINE_MS = 60_000;

async function official(hub, protocol = "reliable", through = server) {
  return (await RealtimeClient.start(through, hub, { protocol })).client;
}

/** Collects what a stream says: resolves with all of it, and how it ended. */
function collected(client) {
  return new Promise((resolve) => {
    client.onGroupStream(async (stream) => {
      const seen = [];
      try {
        for await (const message of stream) seen.push(message.data ?? message);
        resolve({ seen, stream });
      } catch (error) {
        resolve({ seen, stream, error });
      }
    });
  });
}

describe("the official client", () => {
  for (const [what, protocol] of [["reliable JSON", "reliable"], ["plain JSON", "json"]]) {
    test(`${what}: a stream arrives whole and in order`, async () => {
      const hub = server.hub();
      const [publisher, subscriber] = [await official(hub, protocol), await official(hub, protocol)];
      await subscriber.joinGroup("g");
      const result = collected(subscriber);
      const writer = await publisher.openGroupStream("g");
      for (let n = 0; n < 200; n += 1) await writer.write({ n }, "json");
      await writer.end();
      const { seen, error } = await result;
      assert.equal(error, undefined);
      assert.deepEqual(seen, Array.from({ length: 200 }, (_, n) => ({ n })));
      await publisher.stop();
      await subscriber.stop();
    });
  }

  test("a subscriber sees the publisher's own error", async () => {
    const hub = server.hub();
    const [publisher, subscriber] = [await official(hub), await official(hub)];
    await subscriber.joinGroup("g");
    const result = collected(subscriber);
    const writer = await publisher.openGroupStream("g");
    await writer.write("a", "text");
    await writer.abort({ message: "broken", userErrorCode: "E42" });
    const { seen, error } = await result;
    assert.deepEqual(seen, ["a"]);
    assert.match(JSON.stringify({ ...error, message: error.message }), /broken/);
    await publisher.stop();
    await subscriber.stop();
  });

  test("a stream of 3,000 messages at full speed waits for a subscriber that acknowledges once a second", async () => {
    const hub = server.hub();
    const [publisher, subscriber] = [await official(hub), await official(hub)];
    let stopped = 0;
    subscriber.on("disconnected", () => (stopped += 1));
    await subscriber.joinGroup("g");
    const result = collected(subscriber);
    const writer = await publisher.openGroupStream("g");
    for (let n = 0; n < 3000; n += 1) await writer.write(n + 1, "json");
    await writer.end();
    const { seen } = await result;
    assert.deepEqual(seen, Array.from({ length: 3000 }, (_, n) => n + 1));
    assert.equal(stopped, 0);
    await publisher.stop();
    await subscriber.stop();
  });

  test("a stream outlives a cut of its publisher's socket, with nothing lost or doubled", async () => {
    const hub = server.hub();
    const proxy = await Proxy.before(server);
    const publisher = await official(hub, "reliable", server.through(proxy.port));
    const subscriber = await official(hub);
    await subscriber.joinGroup("g");
    const result = collected(subscriber);
    const writer = await publisher.openGroupStream("g");
    for (let n = 0; n < 60; n += 1) {
      await writer.write(n + 1, "json");
      if (n % 20 === 10) proxy.cut();
    }
    await writer.end();
    const { seen } = await result;
    assert.deepEqual(seen, Array.from({ length: 60 }, (_, n) => n + 1));
    await proxy.stop();
    await publisher.stop();
    await subscriber.stop();
  });

  test("a stream that may not be opened is refused", async () => {
    const { client } = await RealtimeClient.start(server, server.hub(), { roles: [] });
    await assert.rejects(client.openGroupStream("g"), /does not have permission to send to group 'g'/);
    await client.stop();
  });
});

const start = (more = {}, stream = {}) => ({ type: "sendToGroup", group: "g", ...more, stream: { streamId: "s", ...stream } });
const data = (streamSequenceId, text) => ({ type: "streamData", streamId: "s", streamSequenceId, dataType: "text", data: text });
const ack = (expectedSequenceId) => ({ type: "streamAck", streamId: "s", expectedSequenceId });
const END = { type: "streamEnd", streamId: "s" };
const CLOSED = { type: "streamClosed", streamId: "s" };

/** What a member sees of a message of a stream. */
function seen(text, position) {
  return { type: "message", from: "group", group: "g", fromUserId: "p", dataType: "text", data: text, stream: { streamId: "s", ...position } };
}

async function opened(hub, options = {}) {
  const publisher = await RawClient.json(server, hub, { userId: "p" });
  publisher.send(start(options.start, options.stream));
  assert.deepEqual((await publisher.next()).json, ack(1));
  return publisher;
}

describe("raw frames", () => {
  test("a stream to members of every kind, from a beginning to an end", async () => {
    const hub = server.hub();
    const members = {
      json: await RawClient.json(server, hub, { groups: ["g"] }),
      reliable: await RawClient.reliable(server, hub, { groups: ["g"] }),
      simple: await RawClient.simple(server, hub, { groups: ["g"] }),
      protobuf: await ProtobufClient.open(server, hub, { groups: ["g"] }),
    };
    const publisher = await opened(hub);
    publisher.send(data(1, "a"));
    assert.deepEqual((await publisher.next()).json, ack(2));
    publisher.send(END);
    assert.deepEqual((await publisher.next()).json, CLOSED);
    assert.deepEqual((await members.json.next()).json, seen("a", { streamSequenceId: 1 }));
    assert.deepEqual((await members.json.next()).json, seen("", { streamSequenceId: 2, endOfStream: true }));
    assert.deepEqual((await members.reliable.next()).json, { ...seen("a", { streamSequenceId: 1 }), sequenceId: 1 });
    assert.deepEqual((await members.reliable.next()).json, { ...seen("", { streamSequenceId: 2, endOfStream: true }), sequenceId: 2 });
    assert.deepEqual(await members.protobuf.data(), { from: "group", group: "g", data: { text_data: "a" }, stream: { stream_id: "s", stream_sequence_id: "1" } });
    assert.deepEqual(await members.protobuf.data(), { from: "group", group: "g", data: { text_data: "" }, stream: { stream_id: "s", stream_sequence_id: "2", end_of_stream: true } });
    assert.equal((await members.simple.next()).text, "a");
    await new Hub(server, hub).sendText("/groups/g", "next");
    assert.equal((await members.simple.next()).text, "next", "the end of a stream is no message for it");
    await RawClient.closeAll(publisher, ...Object.values(members));
  });

  test("a protobuf publisher has the same rules", async () => {
    const hub = server.hub();
    const member = await RawClient.json(server, hub, { groups: ["g"] });
    const publisher = await ProtobufClient.open(server, hub, { userId: "p" });
    publisher.send({ send_to_group_message: { group: "g", stream: { stream_id: "s" } } });
    assert.deepEqual(await publisher.next(), { stream_ack_message: { stream_id: "s", expected_sequence_id: "1" } });
    publisher.send({ stream_data_message: { stream_id: "s", stream_sequence_id: 2, data: { text_data: "ahead" } } });
    const nack = (await publisher.next()).stream_nack_message;
    assert.deepEqual([nack.name, nack.expected_sequence_id], ["InvalidSequenceId", "1"]);
    publisher.send({ stream_data_message: { stream_id: "s", stream_sequence_id: 1, data: { text_data: "a" } } });
    assert.deepEqual(await publisher.next(), { stream_ack_message: { stream_id: "s", expected_sequence_id: "2" } });
    publisher.send({ stream_end_message: { stream_id: "s", error: { message: "m", user_error_code: "E42" } } });
    assert.deepEqual(await publisher.next(), { stream_closed_message: { stream_id: "s" } });
    assert.deepEqual((await member.next()).json, seen("a", { streamSequenceId: 1 }));
    const error = { name: "UserError", message: "m", userErrorCode: "E42" };
    assert.deepEqual((await member.next()).json, seen("", { streamSequenceId: 2, endOfStream: true, error }));
    await RawClient.closeAll(publisher, member);
  });

  test("a repetition is acknowledged, a gap is refused, and neither is published", async () => {
    const hub = server.hub();
    const member = await RawClient.json(server, hub, { groups: ["g"] });
    const publisher = await opened(hub);
    for (const [number, text, answer] of [[1, "a", ack(2)], [1, "again", ack(2)], [3, "ahead", undefined], [2, "b", ack(3)]]) {
      publisher.send(data(number, text));
      const { json } = await publisher.next();
      if (answer) assert.deepEqual(json, answer);
      else assert.deepEqual([json.type, json.name, json.expectedSequenceId], ["streamNack", "InvalidSequenceId", 2]);
    }
    assert.equal((await member.message()).data, "a");
    assert.equal((await member.message()).data, "b");
    await RawClient.closeAll(publisher, member);
  });

  test("a silent stream ends by itself; one that shows life does not", async () => {
    const hub = server.hub();
    const member = await RawClient.json(server, hub, { groups: ["g"] });
    const publisher = await opened(hub, { stream: { idleTimeoutMs: 300 } });
    for (let n = 0; n < 5; n += 1) {
      publisher.send({ type: "streamData", streamId: "s" });
      await publisher.settled();
    }
    const error = { name: "IdleTimeout", message: "The stream was idle for too long." };
    assert.deepEqual((await publisher.next()).json, { ...CLOSED, error });
    assert.deepEqual((await member.next()).json, seen("", { streamSequenceId: 1, endOfStream: true, error }));
    publisher.send(data(1, "late"));
    assert.equal((await publisher.next()).json.error.name, "StreamNotFound");
    await RawClient.closeAll(publisher, member);
  });

  test("a publisher that is gone cancels its stream for everybody, on every worker", async () => {
    const hub = server.hub();
    const members = [];
    for (let n = 0; n < 12; n += 1) members.push(await RawClient.json(server, hub, { groups: ["g"] }));
    const publisher = await opened(hub);
    publisher.cut();
    const error = { name: "Cancelled", message: "The publisher of the stream has disconnected." };
    for (const member of members) assert.deepEqual((await member.next()).json, seen("", { streamSequenceId: 1, endOfStream: true, error }));
    await RawClient.closeAll(...members);
  });

  test("a permission that is revoked ends the stream for everybody", async () => {
    const hub = server.hub();
    const member = await RawClient.json(server, hub, { groups: ["g"] });
    const publisher = await opened(hub);
    const revoked = await new Hub(server, hub).call("DELETE", `/permissions/sendToGroup/connections/${publisher.connectionId}`, { query: { targetName: "g" } });
    assert.equal(revoked.status, 204);
    publisher.send(data(1, "a"));
    assert.equal((await publisher.next()).json.error.name, "Forbidden");
    assert.equal((await member.next()).json.stream.error.name, "Forbidden");
    await RawClient.closeAll(publisher, member);
  });

  const refused = [
    ["an empty id", { streamId: "" }],
    ["an id of 1025 bytes", { streamId: "x".repeat(1025) }],
    ["no time to be idle", { idleTimeoutMs: 0 }],
  ];
  for (const [what, stream] of refused) {
    test(`${what} is refused`, async () => {
      const client = await RawClient.json(server, server.hub());
      client.send(start({}, stream));
      const { json } = await client.next();
      assert.deepEqual([json.type, json.streamId, json.error.name], ["streamClosed", stream.streamId ?? "s", "BadRequest"]);
      await client.close(1000);
    });
  }

  test("an id that is open, or one stream too many, is refused, and an ack id is answered too", async () => {
    const client = await opened(server.hub());
    client.send(start());
    assert.equal((await client.next()).json.error.name, "BadRequest");
    for (let n = 1; n < 64; n += 1) client.send(start({}, { streamId: `s${n}` }));
    for (let n = 1; n < 64; n += 1) assert.equal((await client.next()).json.type, "streamAck");
    client.send(start({ ackId: 5 }, { streamId: "s64" }));
    assert.match((await client.next()).json.error.message, /streams_per_connection_max/);
    assert.equal((await client.ack(5)).success, false);
    await client.close(1000);
  });

  const invalid = [
    ["a start with data", start({ data: 1 })],
    ["a start without an id", { type: "sendToGroup", group: "g", stream: {} }],
    ["data without a number", { type: "streamData", streamId: "s", dataType: "text", data: "a" }],
    ["a number without data", { type: "streamData", streamId: "s", streamSequenceId: 1 }],
    ["a stream of events", { type: "event", event: "e", data: 1, stream: { streamId: "s" } }],
  ];
  for (const [what, message] of invalid) {
    test(`${what} breaks the protocol: 1007`, async () => {
      const client = await RawClient.json(server, server.hub());
      client.send(message);
      assert.equal((await client.closed()).code, 1007);
    });
  }

  test("a publisher that does not wait for acks is held while a member lags, and nobody is closed", async () => {
    const hub = server.hub();
    const member = await RawClient.reliable(server, hub, { groups: ["g"] });
    const publisher = await opened(hub);
    const total = 5000;
    for (let n = 1; n <= total; n += 1) publisher.send(data(n, `${n}`));
    let last = 0;
    while (last < total) {
      const { sequenceId, data: text } = await member.message();
      assert.equal(text, `${last + 1}`);
      last = sequenceId;
      // Late and seldom: the server keeps at most 1,000 messages for it.
      if (last % 500 === 0) member.send({ type: "sequenceAck", sequenceId: last });
    }
    await until(() => publisher.unseen.some((one) => one.json.expectedSequenceId === total + 1), "the last ack", LONG_DEADLINE_MS);
    await RawClient.closeAll(publisher, member);
  });
});
