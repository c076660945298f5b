// A network that parts one node from NATS without a word: what the node, the others and their clients see during it and afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { elapse, until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { withNats } from "./support/nats.mjs";
import { networks } from "./support/partition.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, rest } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** A lease that ends soon, and one that a partition of some seconds does not outlast. */
const [SHORT_LEASE_MS, LONG_LEASE_MS] = [1_000, 60_000];
/** A partition that is noticed by nobody else in the long lease, and in which packets are lost and sent again. */
const PARTED_MS = 1_500;
const MISSED = { code: 1008, reason: "Messages may have been missed." };

const startNode = (way, leaseMs, onLoss) => startConfigured(`[cluster]\nnats = ["${way.url}"]\non_nats_loss = "${onLoss}"\n[limits]\ncluster_lease_ms = ${leaseMs}\n`, { binary: BINARY, args: ["--workers", "2"] });
const health = async (node) => (await rest(node, "HEAD", "/api/health", { token: null })).status;

/** Two nodes, of which the first can be parted from NATS, with a reliable client each. */
async function stage(network, leaseMs, onLoss) {
  const parts = await network.start(2);
  const { ways } = parts;
  const nodes = [await startNode(ways[0], leaseMs, onLoss), await startNode(ways[1], leaseMs, onLoss)];
  const clients = await Promise.all(nodes.map((node, index) => RawClient.reliable(node, "chat", { groups: ["g"], userId: `u${index}` })));
  const hubs = nodes.map((node) => new Hub(node, "chat"));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await parts.stop();
  };
  return { way: ways[0], nodes, hubs, clients, stop };
}

const send = async (hub, text) => (await hub.sendText("/groups/g", text)).status;

/** Both nodes know of each other's clients again, and a message of each reaches clients of both. */
async function assertTogether({ nodes, hubs }) {
  await until(async () => (await health(nodes[0])) === 200, "the parted node to be well");
  const clients = await Promise.all(nodes.map((node, index) => RawClient.json(node, "chat", { groups: ["again"], userId: `again${index}` })));
  await until(async () => (await hubs[0].exists("/users/again1")) && (await hubs[1].exists("/users/again0")), "the nodes to know each other");
  for (const [index, hub] of hubs.entries()) {
    assert.equal((await hub.sendText("/groups/again", `by ${index}`)).status, 202);
    for (const client of clients) assert.equal((await client.message()).data, `by ${index}`);
  }
  await RawClient.closeAll(...clients);
}

for (const [name, network] of networks()) {
  withNats(`a node that is parted from NATS ${name}`, () => {
    test("for less than the lease loses nothing, either way: all that was accepted arrives once and in order", async () => {
      for (const onLoss of ["wait", "serve"]) {
        const { way, hubs, clients, nodes, stop } = await stage(network, LONG_LEASE_MS, onLoss);
        const accepted = [[], []];
        let going = true;
        const sending = hubs.map(async (hub, index) => {
          for (let number = 1; going; number += 1) {
            const text = `${index} ${number}`;
            if ((await send(hub, text)) === 202) accepted[index].push(text);
            await elapse(5);
          }
        });
        await until(() => accepted.every((list) => list.length > 20), "messages before");
        way.part();
        await elapse(PARTED_MS);
        way.heal();
        await until(async () => (await health(nodes[0])) === 200, "the node to be well");
        const before = accepted.map((list) => list.length);
        await until(() => accepted.every((list, index) => list.length > before[index] + 20), "messages afterwards", 20_000);
        going = false;
        await Promise.all(sending);
        const total = accepted[0].length + accepted[1].length;
        for (const client of clients) {
          const received = [[], []];
          for (let count = 1; count <= total; count += 1) {
            const message = await client.message();
            received[Number(message.data[0])].push(message.data);
            if (count % 50 === 0) client.send({ type: "sequenceAck", sequenceId: message.sequenceId });
          }
          assert.deepEqual(received, accepted);
        }
        await RawClient.closeAll(...clients);
        await stop();
      }
    });

    test("for more than the lease, and waits, takes nothing that could be lost, and comes back by itself", async () => {
      const all = await stage(network, SHORT_LEASE_MS, "wait");
      const { way, nodes, hubs, clients, stop } = all;
      way.part();
      await until(async () => !(await hubs[1].exists("/users/u0")), "the end of the lease", 20_000);
      assert.equal(await send(hubs[0], "refused"), 503, "what it took now would reach nobody else");
      assert.equal(await health(nodes[0]), 503);
      assert.equal((await hubs[0].call("HEAD", "/users/u1")).status, 503, "nor does it say who is connected");
      assert.equal(await send(hubs[1], "meanwhile"), 202);
      assert.equal((await clients[1].message()).data, "meanwhile");
      assert.equal(await health(nodes[1]), 200);
      way.heal();
      assert.deepEqual(await clients[0].closed(20_000), MISSED);
      await assertTogether(all);
      await RawClient.closeAll(...clients);
      await stop();
    });

    test("for more than the lease, and serves, goes on with its own clients, and comes back by itself", async () => {
      const all = await stage(network, SHORT_LEASE_MS, "serve");
      const { way, nodes, hubs, clients, stop } = all;
      const plain = await Promise.all(nodes.map((node) => RawClient.json(node, "chat", { groups: ["g"] })));
      way.part();
      await until(async () => !(await hubs[1].exists("/users/u0")), "the end of the lease", 20_000);
      for (const [index, hub] of hubs.entries()) {
        assert.equal(await send(hub, `alone ${index}`), 202);
        assert.equal((await plain[index].message()).data, `alone ${index}`);
        assert.equal((await clients[index].message()).data, `alone ${index}`);
        assert.equal(await health(nodes[index]), 200);
      }
      way.heal();
      // Each has missed what the other node took.
      for (const client of clients) assert.deepEqual(await client.closed(20_000), MISSED);
      await assertTogether(all);
      for (const client of plain) assert.equal(client.ending, undefined, "a plain client stays");
      await RawClient.closeAll(...plain);
      await stop();
    });
  });
}
