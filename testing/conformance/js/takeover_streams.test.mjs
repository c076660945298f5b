// Streams in hubs with durability "cluster": they outlive the death of their publisher's node, and end for everybody if he does not come back.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./support/deadline.mjs";
import { Front } from "./support/front.mjs";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { RawClient, recover } from "./support/raw_client.mjs";
import { RealtimeClient, serviceClient } from "./support/sdk.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** Longer than a lease, a takeover and a client's own pauses, on a busy machine. */
const RECOVERY_MS = 30_000;
const RECOVERY_WINDOW_MS = 3_000;

const startNode = (nats) =>
  startConfigured(
    `[cluster]\nnats = ["${nats.url}"]\n[hubs.chat]\ndurability = "cluster"\n[limits]\ncluster_lease_ms = 1000\nrecovery_window_ms = ${RECOVERY_WINDOW_MS}\nunacknowledged_messages_max = 100000\n`,
    { binary: BINARY, args: ["--workers", "2"] },
  );

async function startNodes(count) {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-nats-"));
  const nats = await Nats.start({ folder, args: ["-js", "-sd", folder] });
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(nats)));
  const stop = async () => {
    await Promise.all(nodes.filter((node) => node.alive).map((node) => node.stop()));
    await nats.stop();
  };
  return { nats, nodes, stop };
}

/** The ends of streams that a client has seen. */
const endsOf = (client) => client.unseen.filter(({ json }) => json?.stream?.endOfStream).map(({ json }) => json.stream);

withNats("a stream in a hub with durability cluster", () => {
  test("goes on when the node of its publisher, and that of its subscriber, is killed: the official client sees every message once and in order, and the end", async () => {
    const { nats, nodes, stop } = await startNodes(3);
    const front = await Front.before(() => nodes);
    const official = async () => RealtimeClient.start(nodes[0].through(front.port), "chat", { protocol: "reliable", options: { messageRetryOptions: { maxRetries: 100, retryDelayInMs: 100 } } });
    // One after the other, so that they are on two nodes.
    const [publisher, subscriber] = [await official(), await official()];
    await subscriber.client.joinGroup("g");
    const seen = [];
    const ended = new Promise((resolve) => {
      subscriber.client.onGroupStream(async (stream) => {
        try {
          for await (const message of stream) seen.push(message.data);
          resolve(undefined);
        } catch (error) {
          resolve(error);
        }
      });
    });
    const writer = await publisher.client.openGroupStream("g");
    let written = 0;
    const write = async (count) => {
      for (const until = written + count; written < until; ) await writer.write((written += 1), "json");
    };
    await write(20);
    for (let victim = 0; victim < 3; victim += 1) {
      const before = seen.length;
      await until(() => seen.length >= Math.min(before + 10, written), "messages before a death", RECOVERY_MS);
      nodes[victim].kill();
      nodes[victim] = await startNode(nats);
      await write(20);
      await until(() => seen.length === written, () => `message ${written}; there are ${seen.length}`, RECOVERY_MS);
    }
    await writer.end();
    assert.equal(await ended, undefined);
    assert.deepEqual(seen, Array.from({ length: written }, (_, number) => number + 1));
    for (const client of [publisher, subscriber]) assert.equal(client.connections.filter(({ connectionId }) => connectionId !== client.connectionId).length, 0, "the session was recovered each time");
    await publisher.stop();
    await subscriber.stop();
    await front.stop();
    await stop();
  });

  test("is cancelled for its subscribers when its publisher does not come back from the death of its node", async () => {
    const { nodes, stop } = await startNodes(2);
    const member = await RawClient.json(nodes[1], "chat", { groups: ["g"] });
    const publisher = await RawClient.reliable(nodes[0], "chat");
    publisher.send({ type: "sendToGroup", group: "g", stream: { streamId: "s" } });
    publisher.send({ type: "streamData", streamId: "s", streamSequenceId: 1, dataType: "text", data: "a" });
    assert.equal((await member.message()).data, "a");
    nodes[0].kill();
    const [end] = await until(() => endsOf(member).length && endsOf(member), "the end", RECOVERY_MS);
    assert.deepEqual(end, { streamId: "s", streamSequenceId: 2, endOfStream: true, error: { name: "Cancelled", message: "The publisher of the stream has disconnected." } });
    await member.close(1000);
    await stop();
  });

  test("is cancelled for its subscribers when its publisher is a plain client whose node is killed", async () => {
    const { nodes, stop } = await startNodes(2);
    const member = await RawClient.json(nodes[1], "chat", { groups: ["g"] });
    const publisher = await RawClient.json(nodes[0], "chat");
    const say = (message) => publisher.send({ type: "streamData", dataType: "text", ...message });
    for (const streamId of ["silent", "s", "over"]) publisher.send({ type: "sendToGroup", group: "g", stream: { streamId } });
    say({ streamId: "over", streamSequenceId: 1, data: "last" });
    publisher.send({ type: "streamEnd", streamId: "over" });
    for (const streamSequenceId of [1, 2]) say({ streamId: "s", streamSequenceId, data: `${streamSequenceId}` });
    for (const data of ["last", "", "1", "2"]) assert.equal((await member.message()).data, data);
    nodes[0].kill();
    const ends = () => endsOf(member);
    await until(() => ends().length >= 2, "the ends", RECOVERY_MS);
    // What is published behind the ends shows that there are no others, nor will be: the dead node is forgotten.
    await serviceClient(nodes[1], "chat").group("g").sendToAll("behind", { contentType: "text/plain" });
    await until(() => member.unseen.some(({ json }) => json?.data === "behind"), "a message behind the ends", RECOVERY_MS);
    const error = { name: "Cancelled", message: "The publisher of the stream has disconnected." };
    assert.deepEqual(ends(), [
      { streamId: "silent", streamSequenceId: 1, endOfStream: true, error },
      { streamId: "s", streamSequenceId: 3, endOfStream: true, error },
    ]);
    await member.close(1000);
    await stop();
  });

  test("is cancelled once when the nodes of its plain publishers are killed together with the only one that could end it", async () => {
    const { nats, nodes, stop } = await startNodes(2);
    const member = await RawClient.reliable(nodes[1], "chat", { groups: ["g"] });
    const publishers = await Promise.all(nodes.map((node) => RawClient.json(node, "chat")));
    for (const [index, publisher] of publishers.entries()) {
      publisher.send({ type: "sendToGroup", group: "g", stream: { streamId: `${index}` } });
      publisher.send({ type: "streamData", streamId: `${index}`, streamSequenceId: 1, dataType: "text", data: "a" });
    }
    for (let messages = 0; messages < 2; messages += 1) assert.equal((await member.message()).data, "a");
    for (const node of nodes) node.kill();
    nodes.push(await startNode(nats));
    const again = await until(() => recover(nodes[2], "chat", member).catch(() => undefined), "the session", RECOVERY_MS);
    const ends = () => endsOf(again);
    await until(() => ends().length >= 2, "the ends", RECOVERY_MS);
    const named = ends().map(({ streamId, streamSequenceId, error }) => [streamId, streamSequenceId, error.name]);
    assert.deepEqual(named.sort(), [["0", 2, "Cancelled"], ["1", 2, "Cancelled"]]);
    await again.close(1000);
    await stop();
  });

  test("is cancelled for its subscribers when the node of its plain publisher stops", async () => {
    const { nodes, stop } = await startNodes(2);
    const member = await RawClient.json(nodes[1], "chat", { groups: ["g"] });
    const publisher = await RawClient.json(nodes[0], "chat");
    publisher.send({ type: "sendToGroup", group: "g", stream: { streamId: "s" } });
    publisher.send({ type: "streamData", streamId: "s", streamSequenceId: 1, dataType: "text", data: "a" });
    assert.equal((await member.message()).data, "a");
    await nodes[0].stop();
    const ends = () => endsOf(member);
    await until(() => ends().length > 0, "the end", RECOVERY_MS);
    assert.deepEqual(ends().map(({ streamSequenceId, error }) => [streamSequenceId, error.name]), [[2, "Cancelled"]]);
    await member.close(1000);
    await stop();
  });

  test("waits while NATS is away, and goes on without a gap", async () => {
    const { nats, nodes } = await startNodes(2);
    const member = await RawClient.reliable(nodes[1], "chat", { groups: ["g"] });
    const publisher = await RawClient.reliable(nodes[0], "chat");
    publisher.send({ type: "sendToGroup", group: "g", stream: { streamId: "s" } });
    const data = (number) => publisher.send({ type: "streamData", streamId: "s", streamSequenceId: number, dataType: "text", data: `${number}` });
    for (let number = 1; number <= 50; number += 1) data(number);
    await until(() => member.unseen.length >= 10, "messages before");
    for (let number = 51; number <= 100; number += 1) data(number);
    await nats.stop({ keep: true });
    const again = await Nats.start({ folder: nats.folder, port: nats.port, args: ["-js", "-sd", nats.folder] });
    const seen = [];
    for (let number = 1; number <= 100; number += 1) {
      const message = await until(() => member.unseen.find(({ json }) => json?.type === "message"), `message ${number}`, RECOVERY_MS);
      message.taken = true;
      seen.push(message.json.stream.streamSequenceId);
    }
    assert.deepEqual(seen, Array.from({ length: 100 }, (_, number) => number + 1));
    await until(() => publisher.unseen.some(({ json }) => json.expectedSequenceId === 101), "the last acknowledgement", RECOVERY_MS);
    await RawClient.closeAll(publisher, member);
    await Promise.all(nodes.map((node) => node.stop()));
    await again.stop();
  });
});
