// WebSockets as streams of an HTTP/2 connection (RFC 8441), by hand and in a browser.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BareSocket, OPCODE } from "./support/bare_socket.mjs";
import { Browser, withChromium } from "./support/browser.mjs";
import { Authority } from "./support/certificates.mjs";
import { until, withDeadline } from "./support/deadline.mjs";
import { freePort } from "./support/port.mjs";
import { JSON_PROTOCOL, RawClient, RELIABLE_PROTOCOL } from "./support/raw_client.mjs";
import { clientUrl, Hub } from "./support/rest.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

const ROLES = { roles: ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"] };

/** An HTTP/2 connection on which the service has said what it understands. */
async function connect(server, options = {}) {
  const session = http2.connect(server.endpoint, options);
  session.on("error", () => {});
  const settings = await withDeadline(new Promise((resolve) => session.once("remoteSettings", resolve)), "the settings");
  return Object.assign(session, { serviceSettings: settings });
}

/** Asks for a WebSocket on a stream of its own; gives the status, and the stream as a bare WebSocket. */
async function ask(session, url, headers = {}) {
  const { pathname, search, host } = new URL(url);
  const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": `${pathname}${search}`, ":authority": host, "sec-websocket-version": "13", ...headers }, { endStream: false });
  const answer = await withDeadline(new Promise((resolve, reject) => stream.once("response", resolve).once("error", reject)), "the answer");
  return { status: answer[":status"], headers: answer, stream, socket: answer[":status"] === 200 ? new BareSocket(stream) : undefined };
}

async function json(socket) {
  return JSON.parse((await socket.frame((frame) => frame.opcode === OPCODE.text, "a message")).payload.toString());
}

const say = (socket, value) => socket.send(OPCODE.text, JSON.stringify(value));

describe("a WebSocket on a stream of HTTP/2", () => {
  let server;
  let session;
  before(async () => {
    server = await startServer({ args: ["--workers", "2"] });
    session = await connect(server);
  });
  after(async () => {
    session.close();
    await server.stop();
  });

  test("is offered by the service's settings", () => assert.equal(session.serviceSettings.enableConnectProtocol, true));

  test("speaks, hears and closes like any other, beside others and beside REST on one connection", async () => {
    const hub = server.hub();
    const url = clientUrl(server, hub, { ...ROLES, userId: "alice" });
    const clients = await Promise.all([JSON_PROTOCOL, JSON_PROTOCOL, RELIABLE_PROTOCOL].map((protocol) => ask(session, url, { "sec-websocket-protocol": protocol })));
    assert.deepEqual(clients.map(({ headers }) => headers["sec-websocket-protocol"]), [JSON_PROTOCOL, JSON_PROTOCOL, RELIABLE_PROTOCOL]);
    assert.ok(clients.every(({ headers }) => headers["sec-websocket-accept"] === undefined && headers.upgrade === undefined));
    for (const { socket } of clients) {
      assert.equal((await json(socket)).event, "connected");
      say(socket, { type: "joinGroup", group: "g", ackId: 1 });
      assert.equal((await json(socket)).success, true);
    }
    const other = await RawClient.json(server, hub, { groups: ["g"] });
    const large = "x".repeat(300_000);
    say(clients[0].socket, { type: "sendToGroup", group: "g", dataType: "text", data: large });
    for (const { socket } of clients) assert.equal((await json(socket)).data, large);
    assert.equal((await other.message()).data, large);
    assert.equal((await new Hub(server, hub).sendText("/users/alice", "from REST")).status, 202);
    for (const { socket } of clients) assert.equal((await json(socket)).data, "from REST");

    clients[0].socket.send(OPCODE.ping, "are you there?");
    assert.equal((await clients[0].socket.frame((frame) => frame.opcode === OPCODE.pong)).payload.toString(), "are you there?");
    clients[0].socket.send(OPCODE.close, Buffer.from([3, 232]));
    assert.equal((await clients[0].socket.closeFrame()).code, 1000);
    await clients[0].socket.ended();
    await new Hub(server, hub).call("POST", "/:closeConnections", { query: { reason: "enough" } });
    assert.match((await json(clients[1].socket)).message, /enough/);
    assert.equal((await clients[1].socket.closeFrame()).code, 1000);
    await other.closed();
  });

  test("recovers a reliable session, whether it began there or not", async () => {
    const hub = server.hub();
    const begun = await RawClient.reliable(server, hub, { groups: ["g"] });
    begun.cut();
    await begun.closed();
    await new Hub(server, hub).sendText("/groups/g", "while away");
    const url = clientUrl(server, hub, { token: null, query: { awps_connection_id: begun.connectionId, awps_reconnection_token: begun.reconnectionToken } });
    const back = await ask(session, url, { "sec-websocket-protocol": RELIABLE_PROTOCOL });
    assert.equal((await json(back.socket)).data, "while away");
    // A stream that is reset is a socket that is lost: the session stays.
    back.stream.close(http2.constants.NGHTTP2_CANCEL);
    await new Hub(server, hub).sendText("/groups/g", "once more");
    const again = await RawClient.connect(url, { protocols: [RELIABLE_PROTOCOL] });
    assert.deepEqual([(await again.message()).data, (await again.message()).data], ["while away", "once more"]);
    await again.close(1000);
  });

  test("is refused in words, and nothing else on the connection is disturbed", async () => {
    const hub = server.hub();
    const stays = await ask(session, clientUrl(server, hub, ROLES), { "sec-websocket-protocol": JSON_PROTOCOL });
    const good = clientUrl(server, hub);
    for (const [url, headers, status] of [
      [clientUrl(server, hub, { token: "wrong" }), {}, 401],
      [good, { "sec-websocket-version": "12" }, 426],
      [good, { ":protocol": "connect-udp" }, 400],
      [good.replace("/client/hubs/", "/client/nothing/"), {}, 404],
      [good.replace(hub, "a-b"), {}, 400],
    ]) {
      const { status: got, stream } = await ask(session, url, headers);
      assert.equal(got, status, url);
      stream.close();
    }
    assert.equal((await json(stays.socket)).event, "connected");
    stays.socket.send(OPCODE.close, Buffer.from([3, 232]));
    await stays.socket.ended();
  });

  test("ends with its connection, and leaves no place behind", async () => {
    const hub = server.hub();
    const own = await connect(server);
    const clients = await Promise.all(Array.from({ length: 20 }, () => ask(own, clientUrl(server, hub, { userId: "leaves" }), { "sec-websocket-protocol": JSON_PROTOCOL })));
    assert.ok(clients.every(({ status }) => status === 200));
    own.destroy();
    await until(async () => !(await new Hub(server, hub).exists("/users/leaves")), "the end of all its connections");
  });

  test("of a peer that does not read is closed, and costs nobody else anything", async () => {
    const hub = server.hub();
    const own = await connect(server, { settings: { initialWindowSize: 0 } });
    const slow = await ask(own, clientUrl(server, hub, { ...ROLES, groups: ["g"] }), { "sec-websocket-protocol": JSON_PROTOCOL });
    assert.equal(slow.status, 200);
    const reader = await RawClient.json(server, hub, { groups: ["g"] });
    const text = "x".repeat(100_000);
    for (let n = 0; n < 300; n++) {
      await new Hub(server, hub).sendText("/groups/g", text);
      assert.equal((await reader.message()).data, text);
    }
    await until(async () => (await new Hub(server, hub).call("GET", "/groups/g/connections")).json.value.length === 1, "the end of the one that does not read");
    own.destroy();
    await reader.close(1000);
  });
});

withChromium("a page that was loaded over HTTP/2", () => {
  ofOneProcess(test)("has its WebSocket on the same connection", async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    const folder = mkdtempSync(join(tmpdir(), "hubwire-http2-"));
    const authority = new Authority();
    const files = authority.write("page", authority.server());
    const config = join(folder, "hubwire.toml");
    const metricsPort = await freePort();
    writeFileSync(config, `[tls]\ncertificate = "${files.cert}"\nprivate_key = "${files.key}"\n[metrics]\nlisten = "127.0.0.1:${metricsPort}"\n`);
    const server = await startServer({ args: ["--config", config] });
    const browser = await Browser.start();
    try {
      const page = await browser.page(`${server.endpoint}/healthz`, { ignoreHTTPSErrors: true });
      const connected = await page.evaluate(
        ([url, protocol]) =>
          new Promise((resolve, reject) => {
            const socket = new WebSocket(url, protocol);
            socket.onmessage = ({ data }) => resolve(JSON.parse(data).event);
            socket.onerror = () => reject(new Error("no WebSocket"));
          }),
        [clientUrl(server, server.hub(), ROLES), JSON_PROTOCOL],
      );
      assert.equal(connected, "connected");
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      assert.match(metrics, /webpubsub_client_requests_status_total\{status="200"\} 1/);
    } finally {
      await browser.stop();
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
