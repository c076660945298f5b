// How a node of a cluster lets its plain clients go when it stops: one after the other, served until then.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { binaryPath } from "./support/server.mjs";

const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** So many that their spread outlasts many messages, each of which is one way to the other node. */
const CLIENTS = 500;
const GOING = { code: 1001, reason: "Service reloading, reconnect" };

withNats("a node that stops beside others", () => {
  test("sends its plain clients away in a spread: who is not told yet hears on of what is published", async () => {
    const nats = await Nats.start();
    const settings = `[cluster]\nnats = ["${nats.url}"]\n[limits]\ndrain_timeout_ms = 60000\n`;
    const start = () => startConfigured(settings, { binary: BINARY, args: ["--workers", "1"] });
    const nodes = [await start(), await start()];
    const clients = [];
    for (let count = 0; count < CLIENTS; count += 1) clients.push(await RawClient.json(nodes[0], "chat", { groups: ["g"] }));
    const sender = await RawClient.json(nodes[1], "chat");
    const told = [];
    for (const client of clients) client.closed(30_000).then((ending) => told.push([client, ending]));
    // One message after the other, each answered, from a node that stays.
    let published = 0;
    let going = true;
    const publishing = (async () => {
      while (going) await sender.publish("g", String((published += 1)));
    })();
    await nodes[0].stop();
    going = false;
    await publishing;
    await Promise.all(clients.map((client) => client.closed()));
    assert.deepEqual([...new Set(told.map(([, ending]) => JSON.stringify(ending)))], [JSON.stringify(GOING)]);
    const last = (client) => Number(client.frames.findLast((frame) => frame.json?.type === "message")?.json.data ?? 0);
    const heard = clients.map(last);
    assert.ok(Math.max(...heard) > Math.min(...heard), "they were not told in one instant");
    for (const client of clients) {
      const data = client.frames.filter((frame) => frame.json?.type === "message").map((frame) => Number(frame.json.data));
      assert.deepEqual(data, data.map((_, index) => data[0] + index), "nothing is left out before the end");
    }
    await sender.close(1000);
    await nodes[1].stop();
    await nats.stop();
  });
});
