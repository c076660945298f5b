// The service with TLS of its own: clients, applications, certificates that change, certificates of clients.
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { Authority } from "./support/certificates.mjs";
import { until, withDeadline } from "./support/deadline.mjs";
import { BareHandler, handlerTable } from "./support/handler.mjs";
import { ALL_ROLES, JSON_PROTOCOL, RELIABLE_PROTOCOL, RawClient, recoveryUrl } from "./support/raw_client.mjs";
import { Hub, clientUrl, rest, restToken } from "./support/rest.mjs";
import { RealtimeClient, serviceClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

// The official SDKs cannot be handed an authority. That certificates are right is tested with clients that can.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

const authority = new Authority();
const trusting = { ca: [readFileSync(authority.file)], rejectUnauthorized: true };
const folder = mkdtempSync(join(tmpdir(), "hubwire-tls-"));
after(() => rmSync(folder, { recursive: true }));

/** A service with TLS; `more` are further lines of `[tls]`, `tables` what stands behind. */
async function startSecure(name, { more = "", tables = "", files = authority.write(name, authority.server()), env } = {}) {
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, `[tls]\ncertificate = "${files.cert}"\nprivate_key = "${files.key}"\n${more}\n${tables}`);
  const server = await startServer({ args: ["--workers", "2", "--config", config], env });
  return Object.assign(server, { files, config });
}

describe("a service with TLS", () => {
  let server;
  before(async () => (server = await startSecure("plain")));
  after(() => server.stop());

  test("says so in its connection string, and has the certificate it was given", async () => {
    assert.match(server.connectionString, /^Endpoint=https:\/\/127\.0\.0\.1:\d+;/);
    const client = await RawClient.json(server, server.hub(), { tls: trusting });
    assert.equal((await rest(server, "HEAD", "/api/health", { tls: trusting })).status, 200);
    await client.close(1000);
  });

  test("tells by an alert who does not speak TLS, however much of something else it sends", async () => {
    const socket = net.connect(server.port, "127.0.0.1");
    const parts = [];
    const ended = new Promise((resolve, reject) => socket.on("data", (part) => parts.push(part)).on("error", reject).on("end", resolve));
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(1 << 20)}`);
    await withDeadline(ended, "the end of the service's side");
    // RFC 8446 §6: a record of type alert, fatal.
    const alert = Buffer.concat(parts);
    assert.deepEqual([alert[0], alert[5]], [21, 2], alert.toString("hex"));
    socket.destroy();
  });

  test("serves the official clients", async () => {
    const hub = server.hub();
    const clients = await Promise.all(["json", "reliable"].map((protocol) => RealtimeClient.start(server, hub, { protocol, groups: ["g"] })));
    const service = serviceClient(server, hub, { allowInsecureConnection: false });
    await service.group("g").sendToAll({ text: "hello" });
    for (const client of clients) assert.deepEqual((await client.untilGroupMessages(1))[0].data, { text: "hello" });
    await clients[0].client.sendToGroup("g", "from a client", "text");
    for (const client of clients) assert.equal((await client.untilGroupMessages(2))[1].data, "from a client");
    assert.equal(await service.connectionExists(clients[1].connectionId), true);
    await service.closeAllConnections({ reason: "enough" });
    // The SDK connects anew by itself. It must have done so: stopped in between, it never tells that it has stopped.
    await Promise.all(clients.map((client) => client.untilConnected(2)));
    await Promise.all(clients.map((client) => client.stop()));
  });

  test("takes and delivers large messages, many at once, in order", async () => {
    const hub = server.hub();
    const [sender, receiver] = [await RawClient.json(server, hub), await RawClient.reliable(server, hub, { groups: ["g"] })];
    const texts = Array.from({ length: 24 }, (_, n) => `${n}:`.padEnd(n % 3 === 0 ? 900_000 : 3_000, "x"));
    for (const text of texts) sender.send({ type: "sendToGroup", group: "g", dataType: "text", data: text });
    for (const text of texts) {
      const message = await receiver.message();
      assert.ok(message.data === text, `message ${text.slice(0, 4)}`);
      receiver.send({ type: "sequenceAck", sequenceId: message.sequenceId });
    }
    await RawClient.closeAll(sender, receiver);
  });

  test("recovers a session, and closes the socket of one that cannot be recovered with 1008", async () => {
    const hub = server.hub();
    const client = await RawClient.reliable(server, hub, { groups: ["g"] });
    client.cut();
    await client.closed();
    await new Hub(server, hub).sendText("/groups/g", "while away");
    const url = recoveryUrl(server, hub, client.connectionId, client.reconnectionToken);
    const recovered = await RawClient.connect(url, { protocols: [RELIABLE_PROTOCOL] });
    assert.equal((await recovered.message()).data, "while away");
    const refused = await RawClient.connect(`${url}x`, { protocols: [RELIABLE_PROTOCOL] });
    assert.equal((await withDeadline(refused.closed(), "the close")).code, 1008);
    await recovered.close(1000);
  });

  test("a client that does not read loses its connection, and nobody else waits", async () => {
    const hub = server.hub();
    const [slow, canary] = [await RawClient.json(server, hub, { groups: ["g"] }), await RawClient.json(server, hub, { groups: ["c"] })];
    slow.socket.pause();
    const service = new Hub(server, hub);
    const block = "x".repeat(500_000);
    for (let n = 0; n < 80; n += 1) {
      await service.sendText("/groups/g", block);
      await service.sendText("/groups/c", `${n}`);
      assert.equal((await canary.message()).data, `${n}`);
    }
    await until(async () => (await service.call("HEAD", `/connections/${slow.connectionId}`)).status === 404, "the end of the slow one");
    slow.socket.terminate();
    await canary.close(1000);
  });

  test("says goodbye before it closes a socket", async () => {
    const hub = server.hub();
    const url = new URL(clientUrl(server, hub));
    const socket = tls.connect({ port: server.port, host: "127.0.0.1", ...trusting });
    const end = new Promise((resolve) => socket.once("end", resolve));
    const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""];
    socket.write(lines.join("\r\n"));
    await withDeadline(new Promise((resolve) => socket.once("data", resolve)), "the answer");
    socket.resume();
    // A close frame with 1000, masked with zeros.
    socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
    await withDeadline(end, "the goodbye of TLS");
    socket.destroy();
  });

  test("answers REST over HTTP/2", async () => {
    const hub = server.hub();
    const client = await RawClient.json(server, hub, { groups: ["g"] });
    const session = http2.connect(server.endpoint, trusting);
    const path = `/api/hubs/${hub}/groups/g/:send?api-version=2024-12-01`;
    const request = session.request({ ":method": "POST", ":path": path, authorization: `Bearer ${restToken(server, path)}`, "content-type": "text/plain" });
    request.end("over h2");
    const [headers] = await withDeadline(new Promise((resolve, reject) => request.once("response", (...all) => resolve(all)).once("error", reject)), "the answer");
    assert.equal(headers[":status"], 202);
    assert.equal(session.alpnProtocol, "h2");
    assert.equal((await client.message()).data, "over h2");
    session.destroy();
    await client.close(1000);
  });

  test("closes sockets that speak something else, or old TLS, or nothing, while others are served", async () => {
    const plain = net.connect(server.port, "127.0.0.1");
    plain.on("error", () => {});
    const ended = new Promise((resolve) => plain.once("close", resolve));
    plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = new Promise((resolve) => plain.once("data", resolve));
    assert.doesNotMatch((await withDeadline(Promise.race([answer, ended.then(() => "")]), "an end")).toString(), /HTTP/);
    await withDeadline(ended, "the end of a plain socket");
    const old = tls.connect({ port: server.port, host: "127.0.0.1", maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" });
    const error = await withDeadline(new Promise((resolve) => old.once("error", resolve).once("secureConnect", () => resolve(null))), "a refusal");
    assert.notEqual(error, null);
    const client = await RawClient.json(server, server.hub());
    await client.close(1000);
  });
});

describe("certificates", () => {
  test("that change on disk are shown to new clients, and earlier ones stay", async () => {
    const server = await startSecure("changing");
    const shown = () =>
      new Promise((resolve, reject) => {
        const socket = tls.connect({ port: server.port, host: "127.0.0.1", ...trusting }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
        socket.once("error", reject);
      });
    const client = await RawClient.json(server, "chat", { groups: ["g"] });
    const before = await shown();
    authority.write("changing", authority.server());
    await until(async () => (await shown()) !== before, "the new certificate");
    await new Hub(server, "chat").sendText("/groups/g", "still here");
    assert.equal((await client.message()).data, "still here");
    writeFileSync(server.files.cert, "no certificate");
    await until(() => server.output.stderr.includes("tls.certificate"), "a word about the broken file");
    assert.notEqual(await shown(), before, "what was in force stays");
    await client.close(1000);
    await server.stop();
  });

  for (const [what, lines, problem] of [
    ["of which the key is missing", (files) => `certificate = "${files.cert}"`, /`tls\.certificate`: there is no `tls\.private_key`/],
    ["that are not there", (files) => `certificate = "/nowhere.pem"\nprivate_key = "${files.key}"`, /`tls\.certificate`: \/nowhere\.pem cannot be read/],
    ["that are none", (files) => `certificate = "${files.key}"\nprivate_key = "${files.key}"`, /`tls\.certificate`: .* holds no certificate in PEM form/],
    ["of another key", (files, other) => `certificate = "${files.cert}"\nprivate_key = "${other.key}"`, /`tls\.certificate`: certificate and `tls\.private_key` do not make TLS/],
    ["required of clients without an authority", (files) => `certificate = "${files.cert}"\nprivate_key = "${files.key}"\nrequire_client_certificate = true`, /needs `tls\.client_ca`/],
  ]) {
    test(`${what} stop the start with a sentence`, async () => {
      const [files, other] = ["wrong", "other"].map((name) => authority.write(name, authority.server()));
      const config = join(folder, "wrong.toml");
      writeFileSync(config, `[tls]\n${lines(files, other)}\n`);
      await assert.rejects(startServer({ args: ["--config", config] }), problem);
    });
  }

  test("of clients reach the connect handler; without one a client is served too, unless it is required", async () => {
    const handler = await BareHandler.start();
    const tables = handlerTable("chat", handler.urlTemplate, 'system_events = ["connect"]');
    const certificate = authority.client();
    for (const required of [false, true]) {
      const server = await startSecure(`clients-${required}`, { more: `client_ca = "${authority.file}"\nrequire_client_certificate = ${required}`, tables });
      const client = await RawClient.connect(clientUrl(server, "chat", { roles: ALL_ROLES }), { protocols: [JSON_PROTOCOL], tls: { ...certificate, ...trusting } });
      const [shown] = JSON.parse(handler.named("connect").at(-1).body).clientCertificates;
      const raw = new X509Certificate(certificate.cert).raw;
      assert.equal(shown.thumbprint, createHash("sha1").update(raw).digest("hex").toUpperCase());
      assert.deepEqual(new X509Certificate(shown.content).raw, raw);
      await client.close(1000);
      const stranger = new Authority().client();
      await assert.rejects(RawClient.connect(clientUrl(server, "chat"), { tls: { ...stranger, ...trusting } }), "a certificate of nobody");
      const without = RawClient.connect(clientUrl(server, "chat"), { tls: trusting });
      if (required) await assert.rejects(without);
      else {
        await (await without).close(1000);
        assert.deepEqual(JSON.parse(handler.named("connect").at(-1).body).clientCertificates, []);
      }
      await server.stop();
    }
    await handler.stop();
  });
});
