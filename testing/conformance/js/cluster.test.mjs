// Several nodes as one service: what clients and applications see on any of them, and what becomes of it when nodes or NATS go away.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { ALL_ROLES, RawClient, recover } from "./support/raw_client.mjs";
import { Hub, rest } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
const LEASE_MS = 1000;

const settings = (nats, more = "", limits = "") => `[cluster]\nnats = ["${nats.url}"]\n${more}\n[limits]\ncluster_lease_ms = ${LEASE_MS}\n${limits}\n`;
const startNode = (nats, more, limits) => startConfigured(settings(nats, more, limits), { binary: BINARY, args: ["--workers", "2"] });

async function startNodes(count, more, limits) {
  const nats = await Nats.start();
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(nats, more, limits)));
  const stop = async () => {
    await Promise.all(nodes.filter((node) => node.alive).map((node) => node.stop()));
    await nats.stop();
  };
  return { nats, nodes, stop };
}

const status = (node) => promisify(execFile)(BINARY, ["cluster", "status", "--config", node.file]);

withNats("a client on any node and a call to any node", () => {
  test("reach every member of a group, every connection of a user, every connection of a hub", async () => {
    const { nodes, stop } = await startNodes(3);
    const clients = await Promise.all(nodes.map((node, index) => RawClient.json(node, "chat", { userId: "ann", groups: index ? [] : ["g"] })));
    for (const client of clients) await client.join("g");
    for (const [index, node] of nodes.entries()) {
      const hub = new Hub(node, "chat");
      for (const path of ["", "/groups/g", "/users/ann"]) {
        assert.equal((await hub.sendText(path, `${path} by ${index}`)).status, 202);
        for (const client of clients) assert.equal((await client.message()).data, `${path} by ${index}`);
      }
      for (const client of clients) {
        assert.equal((await hub.sendText(`/connections/${client.connectionId}`, `to one by ${index}`)).status, 202);
        assert.equal((await client.message()).data, `to one by ${index}`);
      }
      await clients[index].publish("g", `from ${index}`, { noEcho: true });
      for (const client of clients.filter((one) => one !== clients[index])) assert.equal((await client.message()).data, `from ${index}`);
    }
    await RawClient.closeAll(...clients);
    await stop();
  });

  test("see a join that was acknowledged a moment ago on another node", async () => {
    const { nodes, stop } = await startNodes(3);
    const [near, far] = [await RawClient.json(nodes[0], "chat"), await RawClient.json(nodes[1], "chat")];
    const sender = new Hub(nodes[2], "chat");
    for (let turn = 0; turn < 200; turn += 1) {
      await far.join(`g${turn}`);
      if (turn % 2) await near.publish(`g${turn}`, String(turn));
      else await sender.sendText(`/groups/g${turn}`, String(turn));
      assert.equal((await far.message()).data, String(turn));
    }
    await RawClient.closeAll(near, far);
    await stop();
  });

  test("get the same answers about existence, permissions, closing, bulk changes and pages", async () => {
    const { nodes, stop } = await startNodes(3);
    const clients = [];
    for (let index = 0; index < 30; index += 1) clients.push(await RawClient.json(nodes[index % 3], "chat", { userId: `u${index % 3}`, roles: [], groups: ["all"] }));
    const [first] = clients;
    for (const node of nodes) {
      const hub = new Hub(node, "chat");
      for (const path of [`/connections/${first.connectionId}`, "/groups/all", "/users/u2"]) assert.equal(await hub.exists(path), true, path);
      for (const path of ["/connections/00000000000000000000000000000000", "/groups/none", "/users/u9"]) assert.equal(await hub.exists(path), false, path);
      const permission = `/permissions/sendToGroup/connections/${first.connectionId}?targetName=all`;
      const [path, query] = permission.split("?");
      assert.equal((await hub.call("PUT", path, { query: `${query}&api-version=2024-12-01` })).status, 200);
      assert.equal((await hub.call("HEAD", path, { query: `${query}&api-version=2024-12-01` })).status, 200);
      assert.equal((await hub.call("DELETE", path, { query: `${query}&api-version=2024-12-01` })).status, 204);
      const listed = [];
      let page = (await hub.call("GET", "/groups/all/connections", { query: { maxpagesize: "7" } })).json;
      for (;;) {
        listed.push(...page.value.map(({ connectionId }) => connectionId));
        if (!page.nextLink) break;
        const next = new URL(page.nextLink);
        // The page after goes to another node.
        const other = nodes[listed.length % 3];
        page = (await rest(other, "GET", next.pathname, { query: next.search.slice(1), apiVersion: null })).json;
      }
      assert.deepEqual(listed, clients.map(({ connectionId }) => connectionId).sort());
    }
    const hub = new Hub(nodes[1], "chat");
    assert.equal((await hub.postJson("/:addToGroups", { groups: ["odd"], filter: "userId eq 'u1'" })).status, 200);
    assert.equal((await hub.call("PUT", "/users/u2/groups/two")).status, 200);
    await new Hub(nodes[2], "chat").sendText("/groups/odd", "to odd ones");
    for (const client of clients.filter((_, index) => index % 3 === 1)) assert.equal((await client.message()).data, "to odd ones");
    await new Hub(nodes[0], "chat").sendText("/groups/two", "to the others");
    for (const client of clients.filter((_, index) => index % 3 === 2)) assert.equal((await client.message()).data, "to the others");
    assert.equal((await new Hub(nodes[2], "chat").call("POST", "/groups/all/:closeConnections", { query: { excluded: first.connectionId } })).status, 204);
    assert.deepEqual(await Promise.all(nodes.map((node) => new Hub(node, "chat").exists("/users/u1"))), [false, false, false], "when it is answered");
    await Promise.all(clients.slice(1).map((client) => client.closed()));
    await first.settled();
    await first.close(1000);
    await stop();
  });

  test("carry messages that are larger than what NATS takes", async () => {
    const { nodes, stop } = await startNodes(2);
    const client = await RawClient.json(nodes[0], "chat", { groups: ["g"] });
    const large = "x".repeat(1_040_000);
    assert.equal((await new Hub(nodes[1], "chat").sendText("/groups/g", large)).status, 202);
    assert.equal((await client.message()).data, large);
    await client.close(1000);
    await stop();
  });

  test("are nobody else's: two clusters share one NATS", async () => {
    const nats = await Nats.start();
    const nodes = await Promise.all(["red", "red", "blue"].map((name) => startNode(nats, `name = "${name}"`)));
    const [red, blue] = [await RawClient.json(nodes[0], "chat"), await RawClient.json(nodes[2], "chat")];
    await new Hub(nodes[1], "chat").sendText("", "for red");
    assert.equal((await red.message()).data, "for red");
    await new Hub(nodes[2], "chat").sendText("", "for blue");
    assert.equal((await blue.message()).data, "for blue");
    const { stdout } = await status(nodes[1]);
    assert.equal(stdout.trim().split("\n").length, 3, "a head and two nodes");
    await RawClient.closeAll(red, blue);
    await Promise.all(nodes.map((node) => node.stop()));
    await nats.stop();
  });
});

withNats("a reliable client that comes back to another node", () => {
  test("gets what it has not acknowledged and goes on there, with nothing lost or doubled, however often it moves", async () => {
    const { nodes, stop } = await startNodes(3);
    let client = await RawClient.reliable(nodes[0], "chat", { groups: ["g"], roles: ALL_ROLES });
    const { connectionId, reconnectionToken } = client;
    const sender = new Hub(nodes[1], "chat");
    let [sent, seen, acknowledged] = [0, 0, 0];
    for (let turn = 1; turn <= 12; turn += 1) {
      for (let more = 0; more < 20; more += 1) await sender.sendText("/groups/g", String((sent += 1)));
      client.cut();
      for (let more = 0; more < 5; more += 1) await sender.sendText("/groups/g", String((sent += 1)));
      client = await recover(nodes[turn % 3], "chat", { connectionId, reconnectionToken });
      assert.equal(client.protocol, "json.reliable.webpubsub.azure.v1");
      for (let next = acknowledged + 1; next <= sent; next += 1) {
        const message = await client.message();
        assert.deepEqual([message.sequenceId, message.data], [next, String(next)]);
        seen = next;
      }
      client.send({ type: "sequenceAck", sequenceId: seen });
      acknowledged = seen;
      assert.equal((await client.publish("g", String((sent += 1)), { ackId: turn })).success, true);
      assert.equal((await client.publish("g", "never", { ackId: turn })).error.name, "Duplicate");
      assert.equal((await client.message()).data, String(sent));
    }
    assert.equal(await sender.exists(`/connections/${connectionId}`), true);
    await client.close(1000);
    assert.equal(await new Hub(nodes[2], "chat").exists(`/connections/${connectionId}`), false, "a goodbye counts from anywhere");
    await stop();
  });

  test("passes megabytes through the detour in both directions", async () => {
    const { nodes, stop } = await startNodes(2);
    const first = await RawClient.reliable(nodes[0], "chat", { groups: ["g"] });
    first.cut();
    const client = await recover(nodes[1], "chat", first);
    const data = "y".repeat(700_000);
    for (let turn = 0; turn < 6; turn += 1) {
      await client.publish("g", data);
      const message = await client.message();
      assert.equal(message.data.length, data.length);
      client.send({ type: "sequenceAck", sequenceId: message.sequenceId });
    }
    await client.close(1000);
    await stop();
  });

  test("is told that its session is gone when its node is", async () => {
    const { nodes, stop } = await startNodes(2);
    const client = await RawClient.reliable(nodes[0], "chat");
    nodes[0].kill();
    await client.closed();
    await until(async () => {
      const again = await recover(nodes[1], "chat", client).catch(() => undefined);
      return again && (await again.closed()).code === 1008;
    }, "a refusal");
    await stop();
  });
});

/** Nodes stop, some at the same moment, and others take their places, while sessions of all of them receive what is published on all of them. */
const restarts = (waves) => async () => {
  const { nats, nodes, stop } = await startNodes(3);
  const sessions = [];
  for (const node of nodes) for (let more = 0; more < 3; more += 1) sessions.push({ client: await RawClient.reliable(node, "chat", { groups: ["g"], userId: "ann", roles: ALL_ROLES }), received: [], acknowledged: 0 });
  for (const session of sessions) Object.assign(session, { connectionId: session.client.connectionId, reconnectionToken: session.client.reconnectionToken });
  const accepted = [];
  let going = true;
  const alive = () => nodes.filter((node) => node.alive && !node.leaving);
  const sending = (async () => {
    for (let number = 1; going; number += 1) {
      const text = String(number);
      for (;;) {
        const candidates = alive();
        const answer = await new Hub(candidates[number % candidates.length], "chat").sendText("/groups/g", text).catch(() => undefined);
        if (answer?.status === 202) break;
      }
      accepted.push(text);
    }
  })();
  let total = Infinity;
  const follow = async (session) => {
    while (session.received.length < total) {
      await until(() => session.client.unseen.length > 0 || session.client.ending || session.received.length >= total, () => `message ${session.received.length + 1} of ${accepted.length}`, 20_000);
      for (const frame of session.client.unseen) {
        frame.taken = true;
        if (frame.json?.type !== "message" || frame.json.sequenceId <= session.acknowledged) continue;
        session.acknowledged = frame.json.sequenceId;
        session.received.push(frame.json.data);
        if (session.acknowledged % 20 === 0) session.client.send({ type: "sequenceAck", sequenceId: session.acknowledged });
      }
      if (!session.client.ending || session.client.unseen.length > 0) continue;
      // 1001, or nothing at all where a node that carried the socket has stopped; but never the end of the session.
      assert.ok([1001, 1006].includes(session.client.ending.code), `${session.client.ending.code} ${session.client.ending.reason}`);
      session.client = await until(async () => {
        const candidates = alive();
        return recover(candidates[session.received.length % candidates.length], "chat", session).catch(() => undefined);
      }, "a recovery", 20_000);
    }
  };
  const following = sessions.map(follow);
  for (const wave of waves) {
    const before = accepted.length;
    await until(() => accepted.length > before + 60, "messages in between");
    for (const index of wave) nodes[index].leaving = true;
    await Promise.all(
      wave.map(async (index) => {
        await nodes[index].stop();
        nodes[index] = await startNode(nats);
      }),
    );
  }
  const before = accepted.length;
  await until(() => accepted.length > before + 60, "messages afterwards");
  going = false;
  await sending;
  total = accepted.length;
  await Promise.all(following);
  const sorted = [...accepted];
  for (const { received } of sessions) {
    assert.equal(new Set(received).size, received.length, "nothing twice");
    // Callers on several nodes are several publishers, and each waits for its answer.
    assert.deepEqual([...received].sort((one, other) => one - other), sorted);
  }
  const hub = new Hub(nodes[0], "chat");
  for (const { connectionId } of sessions) assert.equal(await hub.exists(`/connections/${connectionId}`), true);
  assert.equal((await hub.call("POST", "/users/ann/:closeConnections")).status, 204);
  await Promise.all(sessions.map(({ client }) => client.closed()));
  await stop();
};

withNats("a node that stops", () => {
  test("hands its reliable sessions to another one: through a rolling restart nothing is lost, doubled or out of order", restarts([[0], [1], [2]]));

  test("does so when another one stops at the same moment", restarts([[0, 1], [1, 2], [2, 0]]));

  test("takes permissions, ack ids and what is unacknowledged along, and lets plain clients go", async () => {
    const { nodes, stop } = await startNodes(2);
    const reliable = await RawClient.reliable(nodes[0], "chat", { groups: ["g"], roles: ["webpubsub.sendToGroup.g"] });
    const plain = await RawClient.json(nodes[0], "chat", { userId: "plain" });
    const hub = new Hub(nodes[1], "chat");
    assert.equal((await reliable.publish("g", "one", { ackId: 7 })).success, true);
    assert.equal((await hub.call("PUT", `/permissions/joinLeaveGroup/connections/${reliable.connectionId}`, { query: { targetName: "late" } })).status, 200);
    await hub.sendText("/groups/g", "two");
    await reliable.message();
    await nodes[0].stop();
    assert.equal((await plain.closed()).code, 1001);
    assert.equal(await hub.exists("/users/plain"), false);
    await hub.sendText("/groups/g", "three");
    const again = await until(async () => {
      const client = await recover(nodes[1], "chat", reliable).catch(() => undefined);
      return client;
    }, "a recovery");
    for (const [sequenceId, data] of [[1, "one"], [2, "two"], [3, "three"]]) {
      const message = await again.message();
      assert.deepEqual([message.sequenceId, message.data], [sequenceId, data]);
    }
    assert.equal((await again.publish("g", "one", { ackId: 7 })).error.name, "Duplicate");
    assert.equal((await again.publish("other", "no")).error.name, "Forbidden");
    assert.equal((await again.join("late")).success, true);
    assert.equal((await again.join("early")).error.name, "Forbidden");
    await again.close(1000);
    await stop();
  });
});

withNats("a node", () => {
  test("that is killed is gone for everybody within its lease, and one that stops at once", async () => {
    const { nodes, stop } = await startNodes(3);
    const clients = await Promise.all(nodes.map((node, index) => RawClient.json(node, "chat", { userId: `u${index}`, groups: ["g"] })));
    const hub = new Hub(nodes[0], "chat");
    const members = async () => (await hub.call("GET", "/groups/g/connections")).json.value?.length;
    assert.equal(await members(), 3);
    nodes[1].kill();
    await until(async () => (await members()) === 2 && !(await hub.exists("/users/u1")), "the end of the lease");
    assert.equal((await hub.call("POST", "/groups/g/:closeConnections", { query: { excluded: clients[2].connectionId } })).status, 204, "commands wait for it no longer");
    await nodes[2].stop();
    assert.equal(await hub.exists("/users/u2"), false);
    await stop();
  });

  test("that comes later is found by all, with all that they have", async () => {
    const { nats, nodes, stop } = await startNodes(2);
    const client = await RawClient.json(nodes[0], "chat", { groups: ["g"] });
    const late = await startNode(nats);
    assert.equal((await new Hub(late, "chat").sendText("/groups/g", "hello")).status, 202);
    assert.equal((await client.message()).data, "hello");
    const joined = await RawClient.json(late, "chat", { groups: ["g"] });
    await new Hub(nodes[1], "chat").sendText("/groups/g", "to both");
    for (const one of [client, joined]) assert.equal((await one.message()).data, "to both");
    const { stdout } = await status(late);
    for (const node of [...nodes, late]) assert.match(stdout, new RegExp(`http://127\\.0\\.0\\.1:${node.port} `));
    await RawClient.closeAll(client, joined);
    await late.stop();
    await stop();
  });

  test("that keeps a group's states takes nothing with it but its own members' states when it dies", async () => {
    const { nodes, stop } = await startNodes(3);
    const roles = [...ALL_ROLES, "webpubsub.setGroupState", "webpubsub.getGroupState"];
    const groups = Array.from({ length: 12 }, (_, index) => `g${index}`);
    const [watcher, stays, goes] = await Promise.all(nodes.map((node) => RawClient.json(node, "chat", { groups, roles })));
    const states = new Map(groups.map((group) => [group, new Map()]));
    const follow = async () => {
      for (const { json } of watcher.unseen.filter((one) => one.json?.type?.startsWith("groupState"))) {
        await watcher.frame((one) => one.json === json);
        const known = states.get(json.group);
        if (json.type === "groupStateSnapshot") known.clear();
        for (const { connectionId, state } of json.items) state ? known.set(connectionId, state.of) : known.delete(connectionId);
      }
      return groups.map((group) => [...states.get(group)].sort());
    };
    for (const group of groups) await watcher.request({ type: "subscribeGroupState", group });
    for (const group of groups) for (const client of [stays, goes]) await client.request({ type: "setGroupState", group, state: { of: group } });
    const both = groups.map((group) => [[goes.connectionId, group], [stays.connectionId, group]].sort());
    await until(async () => JSON.stringify(await follow()) === JSON.stringify(both), "all states");
    nodes[2].kill();
    const one = groups.map((group) => [[stays.connectionId, group]]);
    await until(async () => JSON.stringify(await follow()) === JSON.stringify(one), () => `the states that are left, not ${JSON.stringify([...states])}`);
    for (const group of groups) assert.equal((await stays.request({ type: "setGroupState", group, state: { of: "new" } })).success, true);
    await until(async () => (await follow()).every((known) => known.length === 1 && known[0][1] === "new"), "the new states");
    await RawClient.closeAll(watcher, stays);
    await stop();
  });
});

withNats("while NATS is away", () => {
  test("a node waits unless it is told otherwise: what it takes afterwards arrives once and in order", async () => {
    const { nats, nodes } = await startNodes(2);
    const client = await RawClient.reliable(nodes[0], "chat", { groups: ["g"] });
    const sender = new Hub(nodes[1], "chat");
    const health = () => rest(nodes[1], "HEAD", "/api/health", { token: null });
    const accepted = [];
    let going = true;
    const sending = (async () => {
      for (let number = 1; going; number += 1) if ((await sender.sendText("/groups/g", String(number))).status === 202) accepted.push(String(number));
    })();
    await until(() => accepted.length > 50, "messages before");
    await nats.stop({ keep: true });
    await until(async () => (await health()).status === 503, "the node to notice");
    const refused = await sender.sendText("/groups/g", "refused");
    assert.deepEqual([refused.status, refused.headers["retry-after"], refused.json.message], [503, "1", "The service is busy. This node is cut off from its cluster."]);
    const again = await Nats.start({ folder: nats.folder, port: nats.port });
    const before = accepted.length;
    await until(() => accepted.length > before + 50, "messages afterwards");
    going = false;
    await sending;
    assert.equal((await health()).status, 200);
    const received = [];
    while (received.length < accepted.length) {
      const message = await client.message();
      received.push(message.data);
      if (received.length % 50 === 0) client.send({ type: "sequenceAck", sequenceId: message.sequenceId });
    }
    assert.deepEqual(received, accepted);
    await client.close(1000);
    await Promise.all(nodes.map((node) => node.stop()));
    await again.stop();
  });

  test("a node that is told to serve goes on with its own clients", async () => {
    const { nats, nodes } = await startNodes(2, 'on_nats_loss = "serve"');
    const client = await RawClient.json(nodes[0], "chat", { groups: ["g"] });
    await nats.stop();
    const hub = new Hub(nodes[0], "chat");
    await until(async () => {
      await client.publish("g", "alone");
      return (await client.message()).data === "alone";
    }, "a message");
    assert.equal((await hub.sendText("/groups/g", "by REST")).status, 202);
    assert.equal((await client.message()).data, "by REST");
    assert.equal((await rest(nodes[0], "HEAD", "/api/health", { token: null })).status, 200);
    await client.close(1000);
    await Promise.all(nodes.map((node) => node.stop()));
  });

  test("a node does not start, and says why", async () => {
    const started = startConfigured('[cluster]\nnats = ["nats://127.0.0.1:1"]\n', { binary: BINARY });
    await assert.rejects(started, /ended while starting \(1\)/);
  });
});

withNats("a NATS server that asks who comes", () => {
  test("lets in whoever has the password or the token, and the start says what is wrong otherwise", async () => {
    for (const [args, right, wrong] of [
      [["--user", "node", "--pass", "secret"], 'user = "node"\npassword = "secret"', 'user = "node"\npassword = "guess"'],
      [["--auth", "secret"], 'token = "secret"', 'token = "guess"'],
    ]) {
      const nats = await Nats.start({ args });
      await assert.rejects(startNode(nats, wrong), /ended while starting \(1\)/);
      const node = await startNode(nats, right);
      assert.doesNotMatch(node.output.stderr + node.output.stdout, /secret/);
      await node.stop();
      await nats.stop();
    }
  });
});
