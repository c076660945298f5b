// What the surroundings do to the service: no descriptors, no room on the disk, a clock that jumps, a process that is stopped for a while, peers that
// go without a word, names that do not resolve. Canaries who are not concerned must notice nothing.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Canaries } from "./support/canaries.mjs";
import { elapse, until } from "./support/deadline.mjs";
import { handlerTable, startConfigured } from "./support/handler.mjs";
import { freePort } from "./support/port.mjs";
import { Proxy } from "./support/proxy.mjs";
import { HandshakeRefused, RawClient, recover, refusal } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

const FAKETIME = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"].find(existsSync);
const asRoot = process.platform === "linux" && process.getuid() === 0;

/** A test that needs something of the machine; without it, that is said. */
const where = (has, what) => (has ? test : (name) => console.warn(`${name}: not tested, since there is ${what}`));

/** A service that stands still nine tenths of the time needs longer for everything. */
const STUTTER_DEADLINE_MS = 60_000;

/** A program that does something to itself before it becomes the service. */
function wrapped(line) {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-wrapped-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "hubwire");
  writeFileSync(program, `#!/bin/sh\n${line}\nexec "${binaryPath()}" "$@"\n`, { mode: 0o755 });
  return program;
}

/** A service with canaries, and a way to its metrics. */
async function stage(settings, options, canaryOptions) {
  const port = await freePort();
  const server = await startConfigured(`workers = 2\n[metrics]\nlisten = "127.0.0.1:${port}"\n${settings}`, options);
  const canaries = await Canaries.start(server, canaryOptions);
  await canaries.unharmed();
  const metric = async (name) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce((sum, match) => sum + Number(match[1]), 0);
  };
  const end = async () => {
    await canaries.stop();
    assert.equal((await server.stop()).code, 0);
  };
  return { server, canaries, metric, end };
}

test("without descriptors new sockets wait, clients who are there are served, and the service recovers by itself", async () => {
  const { server, canaries, metric, end } = await stage("", { binary: wrapped("ulimit -n 128") });
  // The first question keeps its connection, since later there is no descriptor for another.
  assert.equal(await metric("webpubsub_accept_errors_total"), 0);
  const hub = server.hub();
  const early = await RawClient.json(server, hub);
  const sockets = Array.from({ length: 400 }, () => net.connect(server.port, "127.0.0.1").on("error", () => {}));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
  await until(async () => (await metric("webpubsub_accept_errors_total")) > 0, "sockets that could not be accepted");
  await canaries.unharmed();
  assert.equal((await early.publish("g", "served all the same")).success, true);
  sockets.forEach((socket) => socket.destroy());
  const late = await RawClient.json(server, hub);
  await canaries.unharmed();
  await RawClient.closeAll(early, late);
  await end();
});

test("300 clients whose connections are reset at once are gone, and nobody else is", async () => {
  const { server, canaries, end } = await stage("");
  const name = server.hub();
  const hub = new Hub(server, name);
  const clients = await Promise.all(Array.from({ length: 300 }, () => RawClient.json(server, name, { groups: ["g"] })));
  const stays = await RawClient.json(server, name, { groups: ["g"] });
  // In the middle of what they are sent.
  const sends = Promise.all(Array.from({ length: 20 }, (_, n) => hub.sendText("/groups/g", `${n}`)));
  clients.forEach((client) => client.socket._socket.resetAndDestroy());
  assert.deepEqual([...new Set((await sends).map(({ status }) => status))], [202]);
  const seen = [];
  for (let n = 0; n < 20; n += 1) seen.push(Number((await stays.message()).data));
  assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n));
  await Promise.all(clients.map((client) => until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the connection to be gone")));
  await canaries.unharmed();
  await stays.close(1000);
  await end();
});

test("a network that goes without a word: plain clients are given up, reliable ones miss nothing when they come back", async () => {
  const { server, canaries, end } = await stage("[limits]\nping_interval_ms = 2000\n");
  const proxy = await Proxy.before(server);
  const away = server.through(proxy.port);
  const name = server.hub();
  const hub = new Hub(server, name);
  const plain = await RawClient.json(away, name, { groups: ["g"] });
  const reliable = await RawClient.reliable(away, name, { groups: ["g"] });
  proxy.freeze();
  for (let n = 1; n <= 50; n += 1) assert.equal((await hub.sendText("/groups/g", `${n}`)).status, 202);
  await until(async () => !(await hub.exists(`/connections/${plain.connectionId}`)), "the plain client to be given up", 30_000);
  assert.equal(await hub.exists(`/connections/${reliable.connectionId}`), true);
  const back = await recover(away, name, reliable);
  for (let n = 1; n <= 50; n += 1) {
    const { sequenceId, data } = await back.message();
    assert.deepEqual([sequenceId, data], [n, `${n}`]);
  }
  await canaries.unharmed();
  plain.cut();
  reliable.cut();
  await back.close(1000);
  await proxy.stop();
  await end();
});

/** Has a service stand still most of the time, as one whose workers have far too much to do: it comes late to everything, again and again. */
function stutter(server) {
  let over = false;
  const done = (async () => {
    while (!over) {
      server.signal("SIGSTOP");
      await elapse(300);
      server.signal("SIGCONT");
      // Less than the tenth of a second after which a worker is asked again how late it comes.
      await elapse(30);
    }
  })();
  return () => {
    over = true;
    return done;
  };
}

test("workers that come late again and again turn new work away, go on with what they have, and take all again once they keep up", async () => {
  const { server, canaries, metric, end } = await stage("[limits]\nworker_lag_max_ms = 50\nping_interval_ms = 60000\n", {}, { publishers: ["w"] });
  const ready = async () => {
    const answer = await fetch(`${server.endpoint}/readyz`);
    return `${answer.status} ${(await answer.text()).trim()}`;
  };
  const lags = 'webpubsub_strained\\{strain="lag"\\}';
  const shed = (work) => metric(`webpubsub_shed_total\\{strain="lag",work="${work}"\\}`);
  const name = server.hub();
  const hub = new Hub(server, name);
  const reliable = await RawClient.reliable(server, name, { groups: ["g"] });
  await until(async () => (await ready()) === "200 ready", "a service that keeps up", STUTTER_DEADLINE_MS);
  const smooth = stutter(server);
  // A worker may keep up for a moment, and is behind again: each fact is waited for.
  try {
    await until(async () => (await ready()) === "503 overloaded: lag", "the lag to be noticed", STUTTER_DEADLINE_MS);
    await until(async () => (await metric(lags)) === 1, "the metric to say so", STUTTER_DEADLINE_MS);
    const refused = await until(() => RawClient.json(server, name).then((client) => client.close(1000).then(() => undefined), (error) => error), "a client that is turned away", STUTTER_DEADLINE_MS);
    assert.equal(refused.status, 503);
    assert.match(refused.body, /worker_lag_max_ms/);
    const wait = Number(refused.headers["retry-after"]);
    assert.ok(wait >= 1 && wait <= 10, refused.headers["retry-after"]);
    const call = await until(async () => {
      const answer = await hub.sendText("", "x");
      return answer.status !== 202 && answer;
    }, "a call that is turned away", STUTTER_DEADLINE_MS);
    assert.deepEqual([call.status, call.errorCode, call.headers["retry-after"]], [503, "Error.Busy", "1"]);
    assert.ok((await shed("client")) > 0 && (await shed("call")) > 0);
    // Who has a session brings no new work.
    const back = await recover(server, name, reliable);
    await reliable.closed();
    await canaries.unharmed();
    await smooth();
    await until(async () => (await ready()) === "200 ready", "the lag to be over", STUTTER_DEADLINE_MS);
    await until(async () => (await metric(lags)) === 0, "the metric to say so", STUTTER_DEADLINE_MS);
    assert.equal((await hub.sendText("/groups/g", "taken again")).status, 202);
    assert.equal((await back.message()).data, "taken again");
    await RawClient.closeAll(back, await RawClient.json(server, name));
  } finally {
    await smooth();
  }
  await canaries.unharmed();
  await end();
});

test("a service that is stopped for seconds, as a machine that is moved, goes on where it was", async () => {
  const { server, canaries, end } = await stage("[limits]\nping_interval_ms = 500\nrecovery_window_ms = 1000\n");
  const name = server.hub();
  const reliable = await RawClient.reliable(server, name, { groups: ["g"] });
  process.kill(server.pid, "SIGSTOP");
  await elapse(3000);
  const sent = new Hub(server, name).sendText("/groups/g", "sent while it slept");
  process.kill(server.pid, "SIGCONT");
  assert.equal((await sent).status, 202);
  const { sequenceId, data } = await reliable.message();
  assert.deepEqual([sequenceId, data], [1, "sent while it slept"]);
  await canaries.unharmed();
  await reliable.close(1000);
  await end();
});

test("handlers whose names do not resolve fail their own clients, and nobody else", async () => {
  const away = "http://handler.invalid/{event}";
  const settings = `[limits]\nupstream_connect_timeout_ms = 500\nupstream_call_timeout_ms = 2000\n${handlerTable("lost", away, 'user_event_pattern = "*"\nvalidate = false')}${handlerTable("closed", away, 'system_events = ["connect"]\nvalidate = false')}`;
  const { server, canaries, end } = await stage(settings);
  const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.json(server, "lost")));
  for (const client of clients) client.send({ type: "event", event: "e", dataType: "text", data: "x", ackId: 1 });
  for (const client of clients) assert.equal((await client.ack(1)).error.name, "InternalServerError");
  const error = await refusal(RawClient.connect(clientUrl(server, "closed")));
  assert.ok(error instanceof HandshakeRefused, error.message);
  assert.equal(error.status, 500);
  await canaries.unharmed();
  await RawClient.closeAll(...clients);
  await end();
});

where(asRoot, "no root to mount a small disk")("a disk without room: events that cannot be kept are counted, and clients are served", async () => {
  const disk = mkdtempSync(join(tmpdir(), "hubwire-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=192m", "tmpfs", disk]);
  try {
    const nobody = `http://127.0.0.1:${await freePort()}/{event}`;
    const settings = handlerTable("events", nobody, 'system_events = ["connected", "disconnected"]\npresence_events = ["joined", "left"]\nvalidate = false');
    const { server, canaries, metric, end } = await stage(settings, { args: ["--data-directory", join(disk, "data")] });
    // Whatever is left of the disk is taken.
    const filler = `dd if=/dev/zero of=${join(disk, "filler")} bs=64k 2>/dev/null || true`;
    execFileSync("sh", ["-c", filler]);
    const client = await RawClient.json(server, "events");
    let joined = 0;
    while ((await metric("webpubsub_event_outbox_refused_total")) === 0) {
      for (let n = 0; n < 500; n += 1) {
        assert.equal((await client.join(`${"g".repeat(1000)}${n}`)).success, true, "a client is served whatever becomes of the events");
        assert.equal((await client.leave(`${"g".repeat(1000)}${n}`)).success, true);
      }
      joined += 500;
      assert.ok(joined < 100_000, "the disk is never full");
    }
    await canaries.unharmed();
    await client.close(1000);
    await end();
  } finally {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
});

where(FAKETIME, "no libfaketime; on Debian: apt-get install faketime")("a clock that jumps a day forth and back: tokens follow it, connections and sessions do not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-clock-"));
  const clock = join(folder, "offset");
  const set = (offset) => writeFileSync(clock, offset);
  set("+0");
  const env = { LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1" };
  const { server, canaries, end } = await stage("[limits]\nping_interval_ms = 1000\n", { env }, { publishers: ["w"] });
  const name = server.hub();
  const url = clientUrl(server, name, { groups: ["g"] });
  const reliable = await RawClient.reliable(server, name, { groups: ["g"] });
  set("+86400");
  // No canary publishes by REST here: its tokens would be out of date as well.
  const error = await until(() => refusal(RawClient.connect(url)).catch(() => undefined), "the jump to be seen");
  assert.equal(error.status, 401);
  await reliable.settled();
  reliable.cut();
  await reliable.closed();
  set("-86400");
  const back = await recover(server, name, reliable);
  const client = await RawClient.connect(url);
  set("+0");
  assert.equal((await new Hub(server, name).sendText("/groups/g", "after the jumps")).status, 202);
  const { sequenceId, data } = await back.message();
  assert.deepEqual([sequenceId, data], [1, "after the jumps"]);
  await RawClient.closeAll(back, client);
  await canaries.unharmed();
  await end();
  rmSync(folder, { recursive: true });
});
