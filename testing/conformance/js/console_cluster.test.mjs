// The console of any node over the whole cluster: what people see, what they do, and what is missing when a node does not answer.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { until, withDeadline } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const binary = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** Long enough for a node that stands still to be still known when it is asked. */
const LEASE_MS = 30_000;

async function startNodes(count) {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-nats-"));
  const nats = await Nats.start({ folder, args: ["-js", "-sd", folder] });
  const settings = `[cluster]\nnats = ["${nats.url}"]\n[hubs.logged]\ndurability = "cluster"\n[limits]\ncluster_lease_ms = ${LEASE_MS}\n`;
  const start = () => startConfigured(settings, { binary, args: ["--workers", "2"] });
  const nodes = [];
  while (nodes.length < count) nodes.push(await start());
  const stop = async () => {
    for (const node of nodes) node.resume();
    await Promise.all(nodes.map((node) => node.stop()));
    await nats.stop();
  };
  return { nodes, stop };
}

const api = async (node, path, options = {}) => {
  const answer = await fetch(`${node.endpoint}/console/api/${path}`, { ...options, headers: { "X-Hubwire-Console": "1" } });
  return { status: answer.status, json: answer.status === 204 ? undefined : await answer.json() };
};
const get = async (node, path) => (await api(node, path)).json;
/** What a node is called: it stands in the ids of its connections. */
const nameOf = async (node) => (await get(node, "nodes")).items.find((item) => item.endpoint === node.endpoint).node;

/** Follows the trace of a node, and keeps what it is told. */
async function follow(node, query) {
  const abort = new AbortController();
  const response = await fetch(`${node.endpoint}/console/api/trace?${query}`, { signal: abort.signal });
  const told = [];
  const reading = (async () => {
    let rest = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + piece).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
        told.push({ event: lines.event, id: lines.id, data: JSON.parse(lines.data) });
      }
    }
  })().catch(() => {});
  const find = (predicate, what) => until(() => told.find(predicate), () => `${what}; there are ${JSON.stringify(told.map(({ event, data }) => [event, data.node, data.kind, data.text]))}`);
  const stop = async () => {
    abort.abort();
    await withDeadline(reading, "the end of the trace");
  };
  return { told, find, stop, event: (kind, predicate = () => true) => find(({ event, data }) => event === "trace" && data.kind === kind && predicate(data), `a ${kind} event`) };
}

withNats("the console of any node", () => {
  let nodes, stop, names;
  before(async () => {
    ({ nodes, stop } = await startNodes(3));
    names = await until(async () => {
      const found = await Promise.all(nodes.map((node) => nameOf(node)));
      const all = await Promise.all(nodes.map((node) => get(node, "nodes")));
      return all.every(({ items }) => items.length === 3 && items.every((item) => !item.silent)) && found;
    }, "all nodes to answer each other");
  });
  after(() => stop());

  test("lists all nodes, with what each is interested in", async () => {
    const client = await RawClient.json(nodes[1], "interests", { groups: ["a", "b"] });
    await client.join("c");
    for (const node of nodes) {
      const there = async () => (await get(node, "nodes")).items.find((item) => item.node === names[1]);
      await until(async () => (await there()).connections >= 1, "the node to have counted its connection");
      assert.deepEqual((await get(node, "nodes")).items.map((item) => item.node), [...names].sort());
      const { endpoint, standing } = await there();
      assert.deepEqual([endpoint, standing.interests >= 4], [nodes[1].endpoint, true], JSON.stringify(standing));
    }
    await client.close(1000);
  });

  test("shows hubs, groups, users and connections of all nodes, by pages, and acts on them", async () => {
    const hub = "browse";
    const clients = [];
    for (let index = 0; index < 9; index += 1) clients.push(await RawClient.json(nodes[index % 3], hub, { userId: `u${index % 2}`, groups: ["all", `only${index % 3}`] }));
    for (const node of nodes) {
      const hubs = await get(node, "hubs");
      assert.equal(hubs.items.find((item) => item.name === hub).connections, 9);
      assert.deepEqual(hubs.nodes, { answered: hubs.nodes.answered, silent: [] });
      assert.deepEqual([...hubs.nodes.answered].sort(), [...names].sort());
      const { items: groups } = await get(node, `hubs/${hub}/groups`);
      assert.deepEqual(groups.map((group) => [group.name, group.connections]), [["all", 9], ["only0", 3], ["only1", 3], ["only2", 3]]);
      const { items: users } = await get(node, `hubs/${hub}/users`);
      assert.deepEqual(users.map((user) => [user.name, user.connections]), [["u0", 5], ["u1", 4]]);
      const seen = [];
      for (let after = ""; after !== undefined; ) {
        const page = await get(node, `hubs/${hub}/connections?limit=4&after=${after}`);
        assert.ok(page.items.length <= 4);
        seen.push(...page.items);
        after = page.next;
      }
      assert.deepEqual(seen.map((one) => one.connection), clients.map((client) => client.connectionId).sort());
      for (const [index, client] of clients.entries()) assert.equal(seen.find((one) => one.connection === client.connectionId).node, names[index % 3]);
      const one = await get(node, `hubs/${hub}/connections/${clients[1].connectionId}`);
      assert.deepEqual([one.node, one.user, one.groups], [names[1], "u1", ["all", "only1"]]);
      assert.equal((await api(node, `hubs/${hub}/connections/${"0".repeat(32)}`)).status, 404);
    }
    const act = (body) => api(nodes[0], `hubs/${hub}/actions`, { method: "POST", body: JSON.stringify(body) });
    assert.equal((await act({ action: "close", connection: clients[2].connectionId })).json.result, "done");
    await clients[2].closed();
    await until(async () => (await get(nodes[1], `hubs/${hub}/connections?group=all`)).items.length === 8, "the closed connection to leave the list");
    await RawClient.closeAll(...clients);
  });

  test("shows what happens at every node in one trace, each line with its node, and what is asked for alone", async () => {
    const trace = await follow(nodes[0], "hub=traced&history=0");
    await until(async () => (await Promise.all(nodes.map((node) => get(node, "recording")))).every(({ on }) => on), "all nodes to record");
    const clients = await Promise.all(nodes.map((node, index) => RawClient.json(node, "traced", { userId: `t${index}` })));
    const other = await RawClient.json(nodes[1], "elsewhere", { userId: "nobody" });
    for (const [index, client] of clients.entries()) {
      const { data } = await trace.event("connectionOpened", (event) => event.connection === client.connectionId);
      assert.deepEqual([data.node, data.user, data.elsewhere ?? false], [names[index], `t${index}`, index !== 0]);
      await client.join("g");
    }
    await new Hub(nodes[2], "traced").sendText("/groups/g", "over node 2");
    const { data: published, id } = await trace.event("publish", (event) => event.detail.payload === "over node 2");
    assert.deepEqual([published.node, id], [names[2], undefined], "only this node's numbers say where to go on");
    await RawClient.closeAll(...clients, other);
    for (const index of [0, 1, 2]) await trace.event("connectionClosed", (event) => event.node === names[index]);
    assert.ok(trace.told.every(({ event, data }) => event !== "trace" || data.hub === "traced"), "filters hold everywhere");
    const seen = trace.told.filter(({ event }) => event === "trace").map(({ data }) => `${data.node} ${data.seq}`);
    assert.equal(new Set(seen).size, seen.length, "nothing is told twice");
    await trace.stop();
  });

  test("drops what a viewer cannot be shown of another node, and says how much", async () => {
    const trace = await follow(nodes[0], "hub=busy&kind=publish&history=0");
    await trace.find(({ event }) => event === "status", "the status");
    const hub = new Hub(nodes[1], "busy");
    await hub.sendText("", "first");
    await trace.event("publish");
    for (let round = 0; round < 8; round += 1) await Promise.all(Array.from({ length: 250 }, (_, index) => hub.sendText("", `${round} ${index}`)));
    const count = () => trace.told.filter(({ event }) => event === "trace").length;
    const dropped = () => trace.told.findLast(({ event }) => event === "status").data.dropped;
    await until(() => count() + dropped() >= 2001, () => `2001 events shown or dropped; ${count()} shown, ${dropped()} dropped`);
    assert.ok(count() + dropped() <= 2001 + 2001, "not more than there were, and as many facts of other kinds at most");
    await trace.stop();
  });

  test("names a node that does not answer, and shows all that the others know", async () => {
    const [first, second] = [await RawClient.json(nodes[0], "partial"), await RawClient.json(nodes[2], "partial")];
    const trace = await follow(nodes[0], "hub=partial&history=0");
    await trace.find(({ event }) => event === "status", "the status");
    nodes[2].pause();
    const hubs = await get(nodes[0], "hubs/partial/connections");
    assert.deepEqual([hubs.items.map((item) => item.connection), hubs.nodes.silent], [[first.connectionId], [names[2]]]);
    const list = await get(nodes[1], "nodes");
    assert.deepEqual(list.items.filter((item) => item.silent), [{ node: names[2], silent: true }]);
    const missing = await api(nodes[0], `hubs/partial/connections/${second.connectionId}`);
    assert.deepEqual([missing.status, missing.json.error.code], [503, "silent"]);
    assert.ok(missing.json.error.message.includes(names[2]));
    await trace.find(({ event, data }) => event === "nodes" && data.silent.includes(names[2]), "the trace to name the silent node");
    nodes[2].resume();
    await trace.find(({ event, data }) => event === "nodes" && data.silent.length === 0, "the trace to be whole again");
    await until(async () => (await get(nodes[0], "hubs/partial/connections")).items.length === 2, "the whole list");
    await trace.stop();
    await RawClient.closeAll(first, second);
  });

  withChromium("in the page", () => {
    test("nodes, their connections and their events are seen from any node", async () => {
      const browser = await Browser.start();
      const client = await RawClient.json(nodes[1], "page", { userId: "ann" });
      const tab = await browser.open(nodes[0], "browse");
      const table = tab.page.getByRole("table", { name: "Nodes of the cluster" });
      await table.waitFor();
      for (const name of names) await table.getByText(name).waitFor();
      await tab.go("browse/page/connections");
      await tab.see(`${names[1]}/`);
      await tab.go("trace?hub=page");
      await tab.page.locator(".line.live").waitFor();
      await client.join("room");
      await tab.page.getByRole("option").filter({ hasText: names[1] }).filter({ hasText: "room" }).first().waitFor();
      await tab.close();
      await client.close(1000);
      await browser.stop();
    });
  });
});

withNats("why a message did not arrive, asked of any node", () => {
  let nodes, stop;
  before(async () => {
    ({ nodes, stop } = await startNodes(3));
    await until(async () => (await Promise.all(nodes.map((node) => get(node, "nodes")))).every(({ items }) => items.length === 3 && items.every((item) => !item.silent)), "all nodes to answer each other");
    await api(nodes[0], "recording", { method: "POST", body: '{"on":true}' });
    await until(async () => (await Promise.all(nodes.map((node) => get(node, "recording")))).every(({ on }) => on), "all nodes to record");
    // A worker sees once a turn, and at least once a second, that it is watched.
    const turns = await Promise.all(nodes.map((node) => RawClient.json(node, "turns")));
    await Promise.all(turns.map((client) => client.settled()));
    await RawClient.closeAll(...turns);
  });
  after(() => stop());

  const why = (node, hub, query) => get(node, `why?${new URLSearchParams({ hub, ...query })}`);

  /** The console writes down what happened a moment later. */
  const written = (node, hub) => until(async () => (await get(node, `messages?hub=${hub}`)).messages.length > 0, "the message to be written down");

  const decided = async (hub) => {
    const names = await Promise.all(nodes.map(nameOf));
    const [member, stranger, reliable] = [await RawClient.json(nodes[1], hub, { userId: "ann", groups: ["g"] }), await RawClient.json(nodes[1], hub, { userId: "bob" }), await RawClient.reliable(nodes[2], hub, { userId: "eve", groups: ["g"] })];
    await new Hub(nodes[0], hub).sendText("/groups/g", "to be found", { filter: "userId ne 'ann'" });
    await reliable.message();
    reliable.send({ type: "sequenceAck", sequenceId: 1 });
    await reliable.settled();
    await written(nodes[0], hub);
    const verdicts = async (node, query) => (await why(node, hub, { text: "to be found", ...query })).answers.map(({ rule, node: at, connection }) => [rule, at, connection]);
    for (const node of nodes) {
      assert.deepEqual(await verdicts(node, { connection: member.connectionId }), [["filtered", names[1], member.connectionId]]);
      assert.deepEqual(await verdicts(node, { connection: stranger.connectionId }), [["notInGroup", names[1], stranger.connectionId]]);
      assert.deepEqual(await verdicts(node, { user: "eve" }), [["acknowledged", names[2], reliable.connectionId]]);
      assert.deepEqual((await verdicts(node, { group: "g" })).map(([rule]) => rule).sort(), ["acknowledged", "filtered"]);
      assert.deepEqual((await verdicts(node, { connection: "0".repeat(32) })).map(([rule]) => rule), ["unknownConnection"]);
      const { message, nodes: asked } = await why(node, hub, { text: "to be found", connection: member.connectionId });
      assert.deepEqual([message.payload, message.node, asked.silent], ["to be found", names[0], []]);
      const byId = await why(node, hub, { message: message.message, connection: member.connectionId });
      assert.equal(byId.answers[0].rule, "filtered");
      const { messages } = await get(node, `messages?hub=${hub}`);
      assert.deepEqual(messages.map((one) => [one.message, one.node]), [[message.message, names[0]]]);
    }
    await RawClient.closeAll(member, stranger, reliable);
  };
  test("is told by the node that decided, wherever the message came in", () => decided("why"));
  test("is told so in a hub with durability as well", () => decided("logged"));

  test("is told that it was never published, by the node that refused it", async () => {
    const hub = "refused";
    const client = await RawClient.json(nodes[2], hub, { roles: [] });
    assert.equal((await client.publish("g", "not allowed")).success, false);
    for (const node of nodes) {
      const asked = () => why(node, hub, { toGroup: "g", connection: client.connectionId });
      const { message, answers } = await until(async () => {
        const told = await asked();
        return told.answers[0].rule !== "neverPublished" && told;
      }, "the refusal to be written down");
      assert.deepEqual([message, answers[0].rule], [null, "noPermission"]);
    }
    await client.close(1000);
  });

  test("names the nodes that could not be asked", async () => {
    const hub = "silent";
    const names = await Promise.all(nodes.map(nameOf));
    const client = await RawClient.json(nodes[0], hub, { groups: ["g"] });
    await new Hub(nodes[0], hub).sendText("/groups/g", "hello");
    await client.message();
    await written(nodes[0], hub);
    nodes[1].pause();
    const { answers, nodes: asked } = await why(nodes[0], hub, { text: "hello", connection: client.connectionId });
    nodes[1].resume();
    assert.deepEqual([answers[0].rule, asked.silent], ["written", [names[1]]]);
    await client.close(1000);
  });
});
