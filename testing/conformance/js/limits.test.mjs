// What one client, user, address or hub may take of a service, and what a strained service turns away.
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { RawClient, recover, refusal } from "./support/raw_client.mjs";
import { clientUrl, Hub, rest } from "./support/rest.mjs";
import { serviceClient } from "./support/sdk.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "hubwire-limits-"));
after(() => rmSync(folder, { recursive: true }));

/** A service with some lines below `[limits]`. Two workers, since bounds are those of the process. */
async function startLimited(name, limits, more = "") {
  const config = join(folder, `${name}.toml`);
  const write = (lines) => {
    writeFileSync(`${config}.new`, `${more}\n[limits]\n${lines}\n`);
    renameSync(`${config}.new`, config);
  };
  write(limits);
  const server = await startServer({ args: ["--workers", "2", "--config", config] });
  return Object.assign(server, { write });
}

ofOneProcess(describe)("a service with bounds of connections", () => {
  let server;
  before(async () => (server = await startLimited("connections", "connections_per_hub_max = 3\nconnections_per_user_max = 2", `[addresses]\ntrusted_proxies = ["127.0.0.1"]`)));
  after(() => server.stop());

  test("refuses a user's third connection with 429 and lets others in", async () => {
    const hub = server.hub();
    const first = await RawClient.json(server, hub, { userId: "alice" });
    const second = await RawClient.json(server, hub, { userId: "alice" });
    const refused = await refusal(RawClient.json(server, hub, { userId: "alice" }));
    assert.equal(refused.status, 429);
    assert.equal(refused.headers["retry-after"], "1");
    assert.match(refused.body, /connections_per_user_max/);
    const other = await RawClient.json(server, hub, { userId: "bob" });
    await other.close(1000);
    await first.close(1000);
    await until(async () => (await RawClient.json(server, hub, { userId: "alice" }).then((client) => client.close(1000), () => undefined)) !== undefined, "a place that was given back");
    await second.close(1000);
  });

  test("refuses a hub's fourth connection and lets other hubs go on", async () => {
    const [hub, other] = [server.hub(), server.hub()];
    const clients = await Promise.all(["a", "b", "c"].map((userId) => RawClient.json(server, hub, { userId })));
    const refused = await refusal(RawClient.json(server, hub, { userId: "d" }));
    assert.equal(refused.status, 429);
    assert.match(refused.body, /connections_per_hub_max/);
    clients.push(await RawClient.json(server, other, { userId: "d" }));
    await RawClient.closeAll(...clients);
  });

  test("lets a session be recovered although its user has as many as it may, and counts it from then on", async () => {
    const hub = server.hub();
    const clients = [];
    for (let n = 0; n < 2; n++) clients.push(await RawClient.reliable(server, hub, { userId: "carol" }));
    const [gone, stays] = clients;
    const back = await recover(server, hub, gone);
    await gone.closed();
    await back.join("g");
    assert.equal((await refusal(RawClient.json(server, hub, { userId: "carol" }))).status, 429);
    await RawClient.closeAll(back, stays);
  });
});

ofOneProcess(describe)("a service with bounds of one address", () => {
  let server;
  before(async () => {
    const limits = "connections_per_address_max = 2\nhandshakes_per_address_per_s_max = 5\nhttp_connections_per_address_max = 4";
    server = await startLimited("addresses", limits, `[addresses]\ntrusted_proxies = ["10.0.0.0/8", "127.0.0.1"]`);
  });
  after(() => server.stop());

  const from = (address) => ({ headers: { "X-Forwarded-For": address } });

  test("refuses its third connection, and knows an address by what a trusted proxy says", async () => {
    const hub = server.hub();
    const clients = [await RawClient.json(server, hub, from("203.0.113.1")), await RawClient.json(server, hub, from("198.51.100.9, 203.0.113.1"))];
    const refused = await refusal(RawClient.json(server, hub, from("203.0.113.1")));
    assert.equal(refused.status, 429);
    assert.match(refused.body, /connections_per_address_max/);
    clients.push(await RawClient.json(server, hub, from("203.0.113.2")));
    await RawClient.closeAll(...clients);
  });

  test("takes the addresses of one IPv6 network for one", async () => {
    const hub = server.hub();
    const clients = [];
    for (const last of [1, 2]) clients.push(await RawClient.json(server, hub, from(`2001:db8::${last}`)));
    assert.equal((await refusal(RawClient.json(server, hub, from("2001:db8::3")))).status, 429);
    clients.push(await RawClient.json(server, hub, from("2001:db8:0:1::1")));
    await RawClient.closeAll(...clients);
  });

  test("refuses handshakes that come too fast, whatever becomes of them, and no others", async () => {
    const hub = server.hub();
    const url = clientUrl(server, hub, { token: "wrong" });
    const refusals = await Promise.all(Array.from({ length: 60 }, () => refusal(RawClient.connect(url, from("203.0.113.77")))));
    const paced = refusals.filter(({ status }) => status === 429);
    // What a second allows comes at once, and what the time of this test allows.
    assert.ok(paced.length > 0 && paced.length <= 55, `${paced.length} of 60`);
    assert.match(paced[0].body, /handshakes_per_address_per_s_max/);
    assert.ok(refusals.every(({ status }) => [401, 429].includes(status)));
    assert.equal((await refusal(RawClient.connect(url, from("203.0.113.78")))).status, 401);
  });
});

describe("a service that reads its clients at a bounded pace", () => {
  let server;
  before(async () => (server = await startLimited("paces", "frames_per_connection_per_s_max = 100\nrest_calls_per_hub_per_s_max = 5\nping_interval_ms = 200")));
  after(() => server.stop());

  test("delivers all that a fast client sends, in order, and no faster than that", async () => {
    const hub = server.hub();
    const [fast, receiver] = [await RawClient.json(server, hub), await RawClient.json(server, hub, { groups: ["g"] })];
    const begun = process.hrtime.bigint();
    for (let n = 0; n < 250; n++) fast.send({ type: "sendToGroup", group: "g", dataType: "text", data: String(n) });
    for (let n = 0; n < 250; n++) assert.equal((await receiver.message()).data, String(n));
    // 100 at once, 150 at 100 a second; a client that is not read is not taken for dead, although several pings are due.
    assert.ok(process.hrtime.bigint() - begun >= 1_400_000_000n);
    await RawClient.closeAll(fast, receiver);
  });

  test("does not slow others for one that is fast", async () => {
    const hub = server.hub();
    const [fast, receiver] = [await RawClient.json(server, hub), await RawClient.json(server, hub, { groups: ["fast", "slow"] })];
    const slow = await Promise.all(Array.from({ length: 10 }, () => RawClient.json(server, hub)));
    const heard = (from) => receiver.frames.filter(({ json }) => json?.type === "message" && json.data.startsWith(from)).length;
    for (let n = 0; n < 3000; n++) fast.send({ type: "sendToGroup", group: "fast", dataType: "text", data: `f${n}` });
    await until(() => heard("f") >= 100, "the fast one to have had what it may send at once");
    for (const client of slow) for (let n = 0; n < 90; n++) client.send({ type: "sendToGroup", group: "slow", dataType: "text", data: `s${n}` });
    await until(() => heard("s") === 900, "all that the others sent", 30_000);
    // Each may send as much at once. Were they paced together, these 900 would have taken nine seconds, and the fast one had its share of them.
    assert.ok(heard("f") < 600, `${heard("f")} of the fast one came first`);
    [fast, ...slow].forEach((client) => client.cut());
    await receiver.close(1000);
  });

  test("answers REST calls beyond their pace with 429 and when to try again, and the official SDK does", async () => {
    const [name, other] = [server.hub(), server.hub()];
    const answers = await Promise.all(Array.from({ length: 60 }, () => new Hub(server, name).sendText("", "x")));
    const paced = answers.filter(({ status }) => status === 429);
    assert.ok(paced.length > 0 && paced.length <= 55, `${paced.length} of 60`);
    assert.equal(paced[0].errorCode, "Error.TooManyRequests");
    assert.equal(paced[0].headers["retry-after"], "1");
    assert.match(paced[0].json.message, /rest_calls_per_hub_per_s_max/);
    assert.equal((await new Hub(server, other).sendText("", "x")).status, 202);
    await serviceClient(server, name).sendToAll("tried again", { contentType: "text/plain" });
    assert.equal((await rest(server, "HEAD", "/api/health", { token: null })).status, 200);
  });
});

ofOneProcess(describe)("a service that holds more memory than it may", () => {
  let server;
  before(async () => (server = await startLimited("memory", "")));
  after(() => server.stop());

  const ready = () => new Promise((resolve, reject) => {
    http.get(`${server.endpoint}/readyz`, (answer) => {
      let text = "";
      answer.on("data", (part) => (text += part)).on("end", () => resolve(`${answer.statusCode} ${text.trim()}`));
    }).on("error", reject);
  });

  test("turns new work away and says when to come back, goes on with what it has, and takes all again once it has eased", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const [sender, receiver] = [await RawClient.json(server, name), await RawClient.reliable(server, name, { groups: ["g"] })];
    assert.equal(await ready(), "200 ready");

    server.write("memory_bytes_max = 1");
    await until(async () => (await ready()) === "503 overloaded: memory", "the strain to be noticed");
    const refused = await refusal(RawClient.json(server, name));
    assert.equal(refused.status, 503);
    assert.match(refused.body, /memory_bytes_max/);
    const wait = Number(refused.headers["retry-after"]);
    assert.ok(wait >= 1 && wait <= 10, refused.headers["retry-after"]);
    const call = await hub.sendText("", "x");
    assert.deepEqual([call.status, call.errorCode, call.headers["retry-after"]], [503, "Error.Busy", "1"]);

    // Who is there goes on, comes back, and may be sent away: that frees something.
    await sender.publish("g", "from a client");
    assert.equal((await receiver.message()).data, "from a client");
    const back = await recover(server, name, receiver);
    assert.equal((await back.message()).data, "from a client");
    await sender.publish("g", "after it came back");
    assert.equal((await back.message()).data, "after it came back");
    assert.equal((await hub.call("DELETE", `/connections/${sender.connectionId}`)).status, 204);
    await sender.closed();

    server.write("");
    await until(async () => (await ready()) === "200 ready", "the strain to be over");
    assert.equal((await hub.sendText("", "again")).status, 202);
    await RawClient.closeAll(back, await RawClient.json(server, name));
  });
});
