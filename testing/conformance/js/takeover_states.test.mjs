// Group states in hubs with durability "cluster": they outlive the death of their member's node, and are true for everybody soon after it.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { ProtobufClient } from "./support/protobuf_client.mjs";
import { ALL_ROLES, RawClient, recover } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** Longer than a lease, a takeover and a client's own pauses, on a busy machine. */
const RECOVERY_MS = 30_000;
const ROLES = [...ALL_ROLES, "webpubsub.setGroupState", "webpubsub.getGroupState"];

async function startNodes(count) {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-nats-"));
  const nats = await Nats.start({ folder, args: ["-js", "-sd", folder] });
  const start = () => startConfigured(`[cluster]\nnats = ["${nats.url}"]\n[hubs.chat]\ndurability = "cluster"\n[limits]\ncluster_lease_ms = 1000\n`, { binary: BINARY, args: ["--workers", "2"] });
  const nodes = await Promise.all(Array.from({ length: count }, start));
  const stop = async () => {
    await Promise.all(nodes.filter((node) => node.alive).map((node) => node.stop()));
    await nats.stop();
  };
  return { nodes, start, stop };
}

const member = (node, kind, userId) => RawClient[kind](node, "chat", { groups: ["g"], roles: ROLES, userId });
/** Also of sessions that have made requests through other sockets. */
let nextAckId = 1;
const set = (client, state) => client.request({ type: "setGroupState", group: "g", state, ackId: nextAckId++ });

/** What a subscriber has been told, put together: the states by user. */
class View {
  constructor(client) {
    this.client = client;
    this.states = undefined;
    this.times = {};
  }

  static async of(client) {
    assert.equal((await client.request({ type: "subscribeGroupState", group: "g" })).success, true);
    const view = new View(client);
    await view.until((states) => states, "the first snapshot");
    return view;
  }

  take() {
    for (const frame of this.client.unseen.filter(({ json }) => json?.type?.startsWith("groupState"))) {
      frame.taken = true;
      const { json } = frame;
      if (json.type === "groupStateSnapshot") [this.states, this.times] = [{}, {}];
      assert.equal(json.sequenceId, undefined);
      for (const { userId, state, updatedAt } of json.items) {
        if (json.type === "groupStateUpdate") assert.ok(updatedAt > (this.times[userId] ?? 0), "an update is later than what it replaces");
        this.times[userId] = updatedAt;
        if (state) this.states[userId] = state.v;
        else delete this.states[userId];
      }
    }
    return this.states;
  }

  until(isSo, what) {
    return until(() => {
      const states = this.take();
      return states && isSo(states);
    }, () => `${what}; there is ${JSON.stringify(this.states)}`, RECOVERY_MS);
  }

  /** Waits until the states are exactly these. */
  async shows(expected) {
    await this.until((states) => JSON.stringify(Object.entries(states).sort()) === JSON.stringify(Object.entries(expected).sort()), JSON.stringify(expected));
  }
}

const comeBack = (nodes, { connectionId, reconnectionToken }) => until(() => recover(nodes.find((node) => node.alive), "chat", { connectionId, reconnectionToken }).catch(() => undefined), "a recovery", RECOVERY_MS);

withNats("group states in a hub with durability cluster", () => {
  test("are the same at every node, with a reliable client and a plain one, and go with their members", async () => {
    const { nodes, stop } = await startNodes(3);
    const setters = [await member(nodes[0], "reliable", "a"), await member(nodes[1], "json", "b"), await member(nodes[2], "reliable", "c")];
    const views = [await View.of(await member(nodes[0], "json", "x")), await View.of(await member(nodes[2], "reliable", "y"))];
    for (const [index, setter] of setters.entries()) assert.equal((await set(setter, { v: `${index}` })).success, true);
    for (const view of views) await view.shows({ a: "0", b: "1", c: "2" });
    assert.equal((await set(setters[0], { v: "3" })).success, true);
    assert.equal((await set(setters[2], undefined)).success, true);
    await setters[1].close(1000);
    for (const view of views) await view.shows({ a: "3" });
    await new Hub(nodes[1], "chat").call("DELETE", `/groups/g/connections/${setters[0].connectionId}`);
    for (const view of views) await view.shows({});
    assert.equal((await set(setters[0], { v: "4" })).error.name, "Forbidden");
    await RawClient.closeAll(setters[0], setters[2], ...views.map((view) => view.client));
    await stop();
  });

  test("outlive the death of a node: what was acknowledged is there again, what belonged to plain clients is not, and whoever comes back is told a snapshot", async () => {
    const { nodes, start, stop } = await startNodes(3);
    const reliable = await member(nodes[0], "reliable", "reliable");
    const plain = await member(nodes[0], "json", "plain");
    const elsewhere = await member(nodes[1], "json", "elsewhere");
    const watcher = await View.of(await member(nodes[1], "json"));
    const away = await View.of(await member(nodes[0], "reliable", "away"));
    for (const client of [reliable, plain, elsewhere]) assert.equal((await set(client, { v: "1" })).success, true);
    assert.equal((await set(away.client, { v: "away" })).success, true);
    await watcher.shows({ reliable: "1", plain: "1", elsewhere: "1", away: "away" });
    // Acknowledged in the last moment.
    assert.equal((await set(reliable, { v: "2" })).success, true);
    nodes[0].kill();
    assert.equal((await set(elsewhere, { v: "2" })).success, true);
    await watcher.shows({ reliable: "2", elsewhere: "2", away: "away" });
    const back = new View(await comeBack(nodes, away.client));
    await back.shows({ reliable: "2", elsewhere: "2", away: "away" });
    const again = await comeBack(nodes, reliable);
    assert.equal((await set(again, { v: "3" })).success, true);
    for (const view of [watcher, back]) await view.shows({ reliable: "3", elsewhere: "2", away: "away" });
    // The session's new node, or whichever keeps the states of the group.
    nodes[0] = await start();
    nodes[2].kill();
    assert.equal((await set(elsewhere, { v: "3" })).success, true);
    const [last, once] = [await comeBack(nodes, reliable), new View(await comeBack(nodes, away.client))];
    for (const view of [watcher, once]) await view.shows({ reliable: "3", elsewhere: "3", away: "away" });
    await last.close(1000);
    await watcher.shows({ elsewhere: "3", away: "away" });
    await RawClient.closeAll(elsewhere, watcher.client, once.client);
    await stop();
  });

  test("a protobuf client that comes back is told what is so, and nothing of what was in between", async () => {
    const { nodes, stop } = await startNodes(2);
    const client = await ProtobufClient.reliable(nodes[0], "chat", { groups: ["g"], roles: ROLES });
    const setter = await member(nodes[1], "json", "u");
    await client.request("subscribe_group_state_message", { group: "g" });
    assert.deepEqual((await client.next("the snapshot", "group_state_snapshot_message")).group_state_snapshot_message, { group: "g" });
    client.raw.cut();
    await client.closed();
    await set(setter, { v: "1" });
    await set(setter, { v: "2" });
    await client.recover(nodes[1], "chat");
    const { items, sequence_id } = (await client.next("a new snapshot", "group_state_snapshot_message")).group_state_snapshot_message;
    assert.deepEqual([sequence_id, items.map(({ user_id, state }) => [user_id, state])], [undefined, [["u", { entries: { v: "2" } }]]]);
    await RawClient.closeAll(client, setter);
    await stop();
  });
});
