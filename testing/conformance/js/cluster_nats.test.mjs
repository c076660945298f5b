// A cluster of NATS servers, of which one dies: what is accepted is kept by the others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { withNats } from "./support/nats.mjs";
import { NatsCluster } from "./support/nats_cluster.mjs";
import { RawClient, recover } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** Longer than servers take to choose a leader and clients to find another server, on a busy machine. */
const RECOVERY_MS = 60_000;

const settings = ({ urls }) => `[cluster]\nnats = ${JSON.stringify(urls)}\n[hubs.chat]\ndurability = "cluster"\n
[limits]\ncluster_lease_ms = 3000\ncluster_log_replicas = 3\nunacknowledged_messages_max = 100000\noutbox_messages_max = 100000\n`;

withNats("when the NATS server that leads the log is killed", () => {
  test("nothing that was acknowledged is lost, doubled or out of order, publishing goes on without it, and it is taken up again", async () => {
    const nats = await NatsCluster.start();
    const nodes = [];
    // One after the other, so that each is with the server that it names first.
    for (let index = 0; index < 3; index += 1) {
      const urls = nats.urls.map((_, turn) => nats.urls[(turn + index) % 3]);
      nodes.push(await startConfigured(settings({ urls }), { binary: BINARY, args: ["--workers", "1"] }));
    }
    const sender = await RawClient.reliable(nodes[1], "chat", { roles: ["webpubsub.sendToGroup"] });
    const members = await Promise.all(nodes.map(async (node, index) => {
      const client = await RawClient.reliable(node, "chat", { groups: ["g"] });
      return { index, client, connectionId: client.connectionId, reconnectionToken: client.reconnectionToken, received: [], last: 0 };
    }));
    let going = true;
    const follow = members.map(async (member) => {
      while (going) {
        await until(() => member.client.unseen.length > 0 || member.client.ending || !going, "a message", RECOVERY_MS);
        for (const frame of member.client.unseen) {
          frame.taken = true;
          if (frame.json?.type !== "message" || frame.json.sequenceId <= member.last) continue;
          assert.equal(frame.json.sequenceId, member.last + 1, "no number is left out");
          member.last = frame.json.sequenceId;
          member.received.push(frame.json.data);
        }
        member.client.send({ type: "sequenceAck", sequenceId: member.last });
        if (going && member.client.ending) {
          member.client = await until(() => recover(nodes[member.index], "chat", member).catch(() => undefined), "a recovery", RECOVERY_MS);
        }
      }
    });
    // What is refused may have been stored all the same: it is not sent again by the application, and repeated under its id by the client.
    const [rest, sent, statuses] = [[], [], new Set()];
    let publishing = true;
    const publishes = (async () => {
      for (let number = 1; publishing; number += 1) {
        const answer = await new Hub(nodes[number % 3], "chat").sendText("/groups/g", `r${number}`);
        statuses.add(answer.status);
        if (answer.status === 202) rest.push(`r${number}`);
      }
    })();
    const refusals = new Set();
    const sends = (async () => {
      for (let number = 1; publishing; number += 1) {
        for (;;) {
          const ack = await until(() => sender.publish("g", `c${number}`, { ackId: number }).catch(() => undefined), "an ack", RECOVERY_MS);
          if (ack.success || ack.error.name === "Duplicate") break;
          refusals.add(ack.error.name);
        }
        sent.push(`c${number}`);
      }
    })();
    const onward = (count) => {
      const [restBefore, sentBefore] = [rest.length, sent.length];
      return until(() => rest.length >= restBefore + count && sent.length >= sentBefore + count, () => `messages: ${rest.length} and ${sent.length} so far`, RECOVERY_MS);
    };
    for (let death = 0; death < 2; death += 1) {
      await onward(50);
      const leader = await nats.leader("hubwire-log");
      await nats.kill(leader);
      await onward(50);
      const received = members.map((member) => member.received.length);
      await until(() => members.every((member, index) => member.received.length > received[index]), "deliveries without it", RECOVERY_MS);
      await nats.revive(leader);
    }
    await nats.leader("hubwire-log");
    await onward(50);
    publishing = false;
    await Promise.all([publishes, sends]);
    assert.equal((await new Hub(nodes[0], "chat").sendText("/groups/g", "end")).status, 202);
    await until(() => members.every(({ received }) => received.at(-1) === "end"), "the marker", RECOVERY_MS);
    going = false;
    await Promise.all(follow);
    for (const { received } of members) {
      assert.deepEqual(received, members[0].received, "everybody sees the same order");
      assert.equal(new Set(received).size, received.length, "nothing is seen twice");
      assert.deepEqual(received.filter((data) => data.startsWith("c")), sent, "what the client sent, in its order");
      assert.deepEqual(rest.filter((data) => !received.includes(data)), [], "what was accepted is seen");
      const numbers = received.filter((data) => data.startsWith("r")).map((data) => Number(data.slice(1)));
      assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), "in the order of the calls");
    }
    assert.deepEqual([...statuses].filter((status) => status !== 202 && status !== 503), []);
    assert.deepEqual([...refusals].filter((name) => name !== "InternalServerError"), []);
    await RawClient.closeAll(sender, ...members.map(({ client }) => client));
    await Promise.all(nodes.map((node) => node.stop()));
    await nats.stop();
  });
});
