// Hubs with durability "cluster": what is accepted is stored, and sessions outlive the death of their node.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./support/deadline.mjs";
import { Front } from "./support/front.mjs";
import { BareHandler, handlerTable, startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { ALL_ROLES, RawClient, recover } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { RealtimeClient } from "./support/sdk.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
const LEASE_MS = 1000;
/** Longer than a lease, a takeover and a client's own pauses, on a busy machine. */
const RECOVERY_MS = 30_000;

const settings = (nats, more, limits) =>
  `[cluster]\nnats = ["${nats.url}"]\n[hubs.chat]\ndurability = "cluster"\n${more}\n[limits]\ncluster_lease_ms = ${LEASE_MS}\n${limits}\n`;
const startNode = (nats, more = "", limits = "", args = []) => startConfigured(settings(nats, more, limits), { binary: BINARY, args: ["--workers", "2", ...args] });

async function startNodes(count, more = "", limits = "") {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-nats-"));
  const nats = await Nats.start({ folder, args: ["-js", "-sd", folder] });
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(nats, more, limits)));
  const stop = async () => {
    await Promise.all(nodes.filter((node) => node.alive).map((node) => node.stop()));
    await nats.stop();
  };
  return { nats, nodes, stop };
}

/** Comes back at any of the nodes, as often as it takes. */
const comeBack = (nodes, session) =>
  until(
    async () => {
      const alive = nodes.filter((node) => node.alive);
      const client = await recover(alive[Math.floor(Math.random() * alive.length)], "chat", session).catch(() => undefined);
      if (client?.ending) assert.notEqual(client.ending.code, 1008, client.ending.reason);
      return client;
    },
    "a recovery",
    RECOVERY_MS,
  );

/** Sends numbers through REST, each until it is accepted, and keeps those that were. */
function publisher(nodes, path = "/groups/g") {
  const accepted = [];
  let going = true;
  const done = (async () => {
    for (let number = 1; going; number += 1) {
      // What was refused or not answered may have been stored all the same, so it is not sent again.
      const alive = nodes.filter((node) => node.alive && !node.leaving);
      const answer = await new Hub(alive[number % alive.length], "chat").sendText(path, `r${number}`).catch(() => undefined);
      if (answer?.status === 202) accepted.push(`r${number}`);
    }
  })();
  return { accepted, stop: () => ((going = false), done) };
}

withNats("when the node of a reliable session is killed", () => {
  test("the session goes on elsewhere: groups, permissions, user, ack ids and what is unacknowledged", async () => {
    const { nodes, stop } = await startNodes(3);
    const client = await RawClient.reliable(nodes[0], "chat", { userId: "ann", groups: ["g"], roles: ["webpubsub.sendToGroup.g", "webpubsub.joinLeaveGroup.late"] });
    const hub = new Hub(nodes[1], "chat");
    assert.equal((await client.publish("g", "one", { ackId: 7 })).success, true);
    assert.equal((await client.join("late")).success, true);
    assert.equal((await hub.call("PUT", `/permissions/joinLeaveGroup/connections/${client.connectionId}`, { query: { targetName: "granted" } })).status, 200);
    assert.equal((await hub.sendText("/groups/late", "two")).status, 202);
    assert.equal((await client.message()).data, "one");
    assert.equal((await client.message()).data, "two");
    client.send({ type: "sequenceAck", sequenceId: 1 });
    nodes[0].kill();
    // Nobody may know yet that it is dead: what is accepted now is for it all the same.
    for (const text of ["three", "four"]) assert.equal((await hub.sendText("/users/ann", text)).status, 202);
    const again = await comeBack(nodes, client);
    const seen = [];
    while (seen.at(-1)?.data !== "four") seen.push(await again.message());
    assert.deepEqual(seen.map(({ data }) => data).filter((data) => data !== "one"), ["two", "three", "four"]);
    assert.deepEqual(seen.map(({ sequenceId }) => sequenceId), seen.map((_, index) => 5 - seen.length + index));
    assert.equal((await again.publish("g", "one", { ackId: 7 })).error.name, "Duplicate");
    assert.equal((await again.publish("other", "no", { ackId: 8 })).error.name, "Forbidden");
    assert.equal((await again.request({ type: "joinGroup", group: "granted", ackId: 9 })).success, true);
    for (const node of nodes.slice(1)) {
      const other = new Hub(node, "chat");
      assert.equal(await other.exists(`/connections/${client.connectionId}`), true);
      assert.equal(await other.exists("/users/ann"), true);
      assert.deepEqual((await other.call("GET", "/groups/late/connections")).json.value.map(({ connectionId }) => connectionId), [client.connectionId]);
    }
    assert.equal((await hub.sendText(`/connections/${client.connectionId}`, "five")).status, 202);
    assert.equal((await again.message()).data, "five");
    assert.equal((await hub.call("DELETE", `/connections/${client.connectionId}`)).status, 204);
    await again.closed();
    await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the end");
    await stop();
  });

  test("again and again, clients of frames and of the official SDK miss nothing, see nothing twice and nothing out of order", async () => {
    // The callers go as fast as they can, and what they send while a client is away must fit into its window.
    const limits = "unacknowledged_messages_max = 100000\noutbox_messages_max = 100000";
    const { nats, nodes, stop } = await startNodes(3, "", limits);
    const front = await Front.before(() => nodes);
    const sdk = await RealtimeClient.start(nodes[0].through(front.port), "chat", { protocol: "reliable", options: { messageRetryOptions: { maxRetries: 100, retryDelayInMs: 100 } } });
    await sdk.client.joinGroup("g");
    const raw = { client: await RawClient.reliable(nodes[1], "chat", { groups: ["g"], roles: ALL_ROLES }), received: [], last: 0 };
    Object.assign(raw, { connectionId: raw.client.connectionId, reconnectionToken: raw.client.reconnectionToken });
    let following = true;
    const follow = (async () => {
      while (following) {
        await until(() => raw.client.unseen.length > 0 || raw.client.ending || !following, "a message", RECOVERY_MS);
        for (const frame of raw.client.unseen) {
          frame.taken = true;
          if (frame.json?.type !== "message" || frame.json.sequenceId <= raw.last) continue;
          assert.equal(frame.json.sequenceId, raw.last + 1, "no number is left out");
          raw.last = frame.json.sequenceId;
          raw.received.push(frame.json.data);
          if (raw.last % 10 === 0) raw.client.send({ type: "sequenceAck", sequenceId: raw.last });
        }
        if (following && raw.client.ending) raw.client = await comeBack(nodes, raw);
      }
    })();
    const rest = publisher(nodes);
    // The SDK's own messages: each is repeated under its id until it is acknowledged.
    const sent = [];
    let sending = true;
    const sends = (async () => {
      for (let number = 1; sending; number += 1) {
        await sdk.client.sendToGroup("g", `c${number}`, "text", { ackId: 10_000 + number });
        sent.push(`c${number}`);
      }
    })();
    for (let death = 0; death < 4; death += 1) {
      const [restBefore, sdkBefore] = [rest.accepted.length, sent.length];
      await until(() => rest.accepted.length > restBefore + 30 && sent.length > sdkBefore + 10, () => `messages before death ${death}`, RECOVERY_MS);
      const victim = death % 3;
      nodes[victim].kill();
      nodes[victim] = await startNode(nats, "", limits);
    }
    const sdkBefore = sent.length;
    await until(() => sent.length > sdkBefore + 10, "messages after the last death", RECOVERY_MS);
    sending = false;
    await sends;
    await rest.stop();
    assert.equal((await until(async () => {
      const answer = await new Hub(nodes[0], "chat").sendText("/groups/g", "end");
      return answer.status === 202 && answer;
    }, "the marker", RECOVERY_MS)).status, 202);
    await until(() => raw.received.includes("end"), "the marker at the raw client", RECOVERY_MS);
    await until(() => sdk.groupMessages.some(({ data }) => data === "end"), "the marker at the SDK", RECOVERY_MS);
    following = false;
    await follow;
    const seen = { raw: raw.received, sdk: sdk.groupMessages.map(({ data }) => data) };
    for (const [who, received] of Object.entries(seen)) {
      assert.equal(sdk.connections.length, 1, "the session was recovered each time, never replaced");
      assert.deepEqual(received.filter((data, at) => received.indexOf(data) !== at), [], `${who} sees nothing twice`);
      const of = (letter) => received.filter((data) => data.startsWith(letter));
      assert.deepEqual(of("c"), sent, `${who} sees what the SDK sent, in its order`);
      const missing = rest.accepted.filter((text) => !received.includes(text));
      assert.deepEqual(missing, [], `${who} sees what was accepted`);
      const numbers = of("r").map((text) => Number(text.slice(1)));
      assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), `${who} sees it in the order of the calls`);
    }
    assert.deepEqual(seen.sdk, seen.raw, "everybody sees the same order");
    await sdk.stop();
    await raw.client.close(1000);
    await front.stop();
    await stop();
  });

  test("its end is told once: by whoever has it when nobody comes back for it", async () => {
    const handler = await BareHandler.start();
    const { nats, nodes, stop } = await startNodes(2, handlerTable("chat", handler.urlTemplate, 'system_events = ["connected", "disconnected"]'), "recovery_window_ms = 2000\ncluster_log_age_max_s = 60");
    // Its own outbox would tell their ends when it starts again, if they were its own to tell.
    const folder = mkdtempSync(join(tmpdir(), "hubwire-data-"));
    const startAgain = () => startNode(nats, handlerTable("chat", handler.urlTemplate, 'system_events = ["connected", "disconnected"]'), "recovery_window_ms = 2000\ncluster_log_age_max_s = 60", ["--data-directory", folder]);
    nodes.unshift(await startAgain());
    const lost = await RawClient.reliable(nodes[0], "chat", { userId: "lost" });
    const kept = await RawClient.reliable(nodes[0], "chat", { userId: "kept" });
    await handler.event("connected", 2);
    nodes[0].kill();
    const again = await comeBack(nodes, kept);
    nodes[0] = await startAgain();
    await handler.event("disconnected");
    const [end] = handler.named("disconnected");
    assert.equal(end.headers["ce-connectionid"], lost.connectionId);
    assert.equal(end.headers["ce-userid"], "lost");
    const hub = new Hub(nodes[1], "chat");
    assert.equal(await hub.exists("/users/lost"), false);
    assert.equal(await hub.exists("/users/kept"), true);
    await again.close(1000);
    await handler.event("disconnected", 2);
    // A third end would be told before that of another client that comes and goes now.
    const marker = await RawClient.reliable(nodes[2], "chat", { userId: "marker" });
    await marker.close(1000);
    await handler.event("disconnected", 3);
    assert.deepEqual(handler.named("disconnected").map((one) => one.headers["ce-userid"]), ["lost", "kept", "marker"]);
    await stop();
    await handler.stop();
  });
});

withNats("a node that was silent for longer than its lease", () => {
  test("finds that others have its sessions, and ends; its client goes on there", async () => {
    const { nodes, stop } = await startNodes(3);
    const client = await RawClient.reliable(nodes[0], "chat", { groups: ["g"] });
    const hub = new Hub(nodes[1], "chat");
    nodes[0].signal("SIGSTOP");
    assert.equal((await hub.sendText("/groups/g", "one")).status, 202);
    const taken = () => Promise.all(nodes.slice(1).map(async (node) => (await new Hub(node, "chat").call("GET", "/groups/g/connections")).json?.value?.length === 1));
    await until(async () => (await taken()).every(Boolean), "the takeover", RECOVERY_MS);
    nodes[0].signal("SIGCONT");
    assert.equal((await nodes[0].ended()).code, 1);
    const again = await comeBack(nodes, client);
    assert.equal((await hub.sendText("/groups/g", "two")).status, 202);
    const seen = [];
    while (seen.at(-1)?.data !== "two") seen.push(await again.message());
    assert.deepEqual(seen.map(({ sequenceId, data }) => [sequenceId, data]), [[1, "one"], [2, "two"]]);
    await again.close(1000);
    await stop();
  });
});

withNats("a node that stops", () => {
  test("leaves its sessions to another one at once: through a rolling restart nothing is lost, doubled or out of order", async () => {
    // What is published while nobody reads may be more than a window has by default.
    const limits = "unacknowledged_messages_max = 100000\noutbox_messages_max = 100000";
    const { nats, nodes, stop } = await startNodes(3, "", limits);
    const session = { client: await RawClient.reliable(nodes[0], "chat", { groups: ["g"] }), received: [], last: 0 };
    Object.assign(session, { connectionId: session.client.connectionId, reconnectionToken: session.client.reconnectionToken });
    const rest = publisher(nodes);
    const read = async (enough) => {
      while (!enough()) {
        await until(() => session.client.unseen.length > 0 || session.client.ending || enough(), "a message", RECOVERY_MS);
        for (const frame of session.client.unseen) {
          frame.taken = true;
          if (frame.json?.type !== "message" || frame.json.sequenceId <= session.last) continue;
          session.last = frame.json.sequenceId;
          session.received.push(frame.json.data);
          session.client.send({ type: "sequenceAck", sequenceId: session.last });
        }
        if (session.client.ending && session.client.unseen.length === 0) {
          assert.notEqual(session.client.ending.code, 1008, session.client.ending.reason);
          session.client = await comeBack(nodes, session);
        }
      }
    };
    for (let index = 0; index < 3; index += 1) {
      const before = session.received.length;
      await read(() => session.received.length > before + 30);
      nodes[index].leaving = true;
      const stopping = nodes[index].stop();
      const during = session.received.length;
      await read(() => session.received.length > during + 30);
      assert.equal((await stopping).code, 0);
      nodes[index] = await startNode(nats, "", limits);
    }
    await rest.stop();
    const total = rest.accepted.length;
    await read(() => session.received.length >= total);
    assert.deepEqual(session.received, rest.accepted);
    await session.client.close(1000);
    await stop();
  });
});

withNats("a hub with durability cluster", () => {
  test("gives everybody the same order, plain clients too", async () => {
    const { nodes, stop } = await startNodes(2);
    const clients = await Promise.all([0, 1, 0, 1].map((node, index) => (index < 2 ? RawClient.json : RawClient.reliable)(nodes[node], "chat", { groups: ["g"] })));
    const count = 100;
    const sends = clients.flatMap((client, index) => Array.from({ length: count }, (_, number) => client.publish("g", `${index}:${number}`)));
    assert.ok((await Promise.all(sends)).every(({ success }) => success));
    const orders = [];
    for (const client of clients) {
      const order = [];
      for (let number = 0; number < clients.length * count; number += 1) order.push((await client.message()).data);
      orders.push(order);
    }
    for (const order of orders) assert.deepEqual(order, orders[0]);
    clients.forEach((_, index) => assert.deepEqual(orders[0].filter((data) => data.startsWith(`${index}:`)), Array.from({ length: count }, (_, number) => `${index}:${number}`)));
    await RawClient.closeAll(...clients);
    await stop();
  });

  test("carries messages that are larger than what NATS takes at once, in order, once, and through the death of a node", async () => {
    const { nodes, stop } = await startNodes(3);
    const mib = 1 << 20;
    const reader = await RawClient.reliable(nodes[0], "chat", { groups: ["g"] });
    const plain = await RawClient.json(nodes[2], "chat", { groups: ["g"] });
    const sender = await RawClient.reliable(nodes[1], "chat", { roles: ["webpubsub.sendToGroup"] });
    // A frame of exactly 1 MiB: what escapes, and what does not.
    const frame = (ackId, dataType, data) => {
      const around = JSON.stringify({ type: "sendToGroup", group: "g", ackId, dataType, data: null }).replace("null", "");
      const room = mib - around.length - 2;
      const text = data.repeat(Math.floor(room / data.length));
      return { text: around.slice(0, -1) + `"${text}${" ".repeat(room - text.length)}"}`, ackId };
    };
    const frames = [frame(1, "text", "x"), frame(2, "json", '\\"'), frame(3, "text", "\\u00e9")];
    for (const { text } of frames) assert.equal(text.length, mib);
    // The small one is sent at once behind the large ones, and stays behind them.
    for (const { text } of frames) sender.sendText(text);
    sender.send({ type: "sendToGroup", group: "g", ackId: 4, dataType: "text", data: "small" });
    for (const ackId of [1, 2, 3, 4]) assert.equal((await sender.ack(ackId)).success, true);
    sender.sendText(frames[1].text);
    assert.equal((await sender.ack(2)).error.name, "Duplicate");
    assert.equal((await new Hub(nodes[2], "chat").sendText("/groups/g", "y".repeat(mib))).status, 202);
    const expected = [...frames.map(({ text }) => JSON.parse(text).data), "small", "y".repeat(mib)];
    const read = async (client) => {
      const seen = [];
      while (seen.length < expected.length) seen.push((await client.message()).data);
      return seen.map((data, at) => data === expected[at]);
    };
    assert.deepEqual(await read(plain), expected.map(() => true));
    assert.deepEqual(await read(reader), expected.map(() => true));
    // None of it is acknowledged, so whoever takes the session reads all of it again.
    nodes[0].kill();
    const again = await comeBack(nodes, reader);
    assert.deepEqual(await read(again), expected.map(() => true));
    await RawClient.closeAll(again, plain, sender);
    await stop();
  });

  test("acknowledges nothing that is not stored: while NATS is away sends are refused, and what was accepted arrives once and in order", async () => {
    const { nats, nodes } = await startNodes(2);
    const client = await RawClient.reliable(nodes[0], "chat", { groups: ["g"] });
    const rest = publisher(nodes);
    await until(() => rest.accepted.length > 50, "messages before");
    await nats.stop({ keep: true });
    const hub = new Hub(nodes[1], "chat");
    await until(async () => (await hub.sendText("/groups/none", "refused")).status === 503, "the refusal");
    const again = await Nats.start({ folder: nats.folder, port: nats.port, args: ["-js", "-sd", nats.folder] });
    const before = rest.accepted.length;
    await until(() => rest.accepted.length > before + 50, "messages afterwards", RECOVERY_MS);
    await rest.stop();
    const received = [];
    while (received.at(-1) !== rest.accepted.at(-1)) {
      const message = await client.message();
      received.push(message.data);
      client.send({ type: "sequenceAck", sequenceId: message.sequenceId });
    }
    assert.deepEqual(received.filter((data) => rest.accepted.includes(data)), rest.accepted);
    assert.equal(new Set(received).size, received.length);
    await client.close(1000);
    await Promise.all(nodes.map((node) => node.stop()));
    await again.stop();
  });

  test("needs a cluster, and a NATS server with JetStream; the start says so", async () => {
    const alone = startConfigured('[hubs.chat]\ndurability = "cluster"\n', { binary: BINARY });
    await assert.rejects(alone, /hubs\.chat\.durability.*a table \[cluster\]/s);
    const nats = await Nats.start();
    await assert.rejects(startNode(nats), /JetStream|jetstream/);
    await nats.stop();
  });
});
