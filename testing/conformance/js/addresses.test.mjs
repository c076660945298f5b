// From where clients and applications may come: addresses, proxies, pages.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { Authority } from "./support/certificates.mjs";
import { withDeadline } from "./support/deadline.mjs";
import { RawClient, refusal } from "./support/raw_client.mjs";
import { Hub, rest } from "./support/rest.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "hubwire-addresses-"));
after(() => rmSync(folder, { recursive: true }));

async function start(name, tables) {
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, tables);
  return startServer({ args: ["--config", config] });
}

const from = (address) => ({ headers: { "X-Forwarded-For": address } });

/** What comes back for some bytes until the service closes, or an answer is there. */
function exchange(port, bytes, { secure } = {}) {
  const answered = new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.write(bytes);
      if (!secure) return listen(socket);
      const inside = tls.connect({ socket, ...secure }, () => inside.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
      listen(inside);
    });
    const listen = (stream) => stream.on("data", (part) => (text += part)).on("close", () => resolve(text)).on("error", () => resolve(text));
    socket.on("error", () => resolve(text));
  });
  return withDeadline(answered, "an answer or the end");
}

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

describe("a service that does not let everybody in", () => {
  let server;
  before(async () => (server = await start("rules", `[addresses]\nallow = ["192.0.2.0/24", "127.0.0.1"]\ndeny = ["192.0.2.7"]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8"]`)));
  after(() => server.stop());

  test("lets those in who are allowed, and answers others with 403, clients and applications alike", async () => {
    const hub = server.hub();
    const client = await RawClient.json(server, hub, from("192.0.2.8"));
    await client.close(1000);
    for (const address of ["192.0.2.7", "198.51.100.1", "2001:db8::1", "192.0.2.8, 198.51.100.1", "192.0.2.8, 198.51.100.1, 10.1.1.1"]) {
      const refused = await refusal(RawClient.json(server, hub, from(address)));
      assert.equal(refused.status, 403, address);
      assert.match(refused.body, /addresses\.allow/);
      assert.equal((await new Hub(server, hub).sendText("", "x", {}, from(address).headers)).status, 403, address);
    }
    assert.equal((await new Hub(server, hub).sendText("", "x", {}, from("192.0.2.8").headers)).status, 202);
  });

  test("takes nobody's word for what a header says but a trusted proxy's", async () => {
    const strict = await start("untrusting", `[addresses]\ndeny = ["192.0.2.7"]`);
    const client = await RawClient.json(strict, "hub", from("192.0.2.7"));
    await client.close(1000);
    await strict.stop();
  });

  test("tells a denied peer so before it is heard, and over TLS closes", async () => {
    const denying = await start("denying", `[addresses]\ndeny = ["127.0.0.0/8"]`);
    assert.match(await exchange(denying.port, HEALTH), /^HTTP\/1\.1 403 Forbidden\r\n/);
    await denying.stop();
    const authority = new Authority();
    const files = authority.write("denying", authority.server());
    const secure = await start("denying_tls", `[tls]\ncertificate = "${files.cert}"\nprivate_key = "${files.key}"\n[addresses]\ndeny = ["127.0.0.0/8"]`);
    assert.equal(await exchange(secure.port, "", { secure: { ca: [readFileSync(authority.file)], host: "127.0.0.1" } }), "");
    await secure.stop();
  });
});

describe("a service behind proxies that speak the PROXY protocol", () => {
  let server;
  before(async () => (server = await start("proxy_protocol", `[addresses]\nallow = ["192.0.2.0/24"]\ntrusted_proxies = ["127.0.0.1"]\nproxy_protocol = true`)));
  after(() => server.stop());

  const version2 = (command, family, rest) => Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"), Buffer.from([command, family, rest.length >> 8, rest.length & 255]), Buffer.from(rest)]);
  const client = [192, 0, 2, 8, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
  const stranger = [198, 51, 100, 1, ...client.slice(4)];

  for (const [what, head, answer] of [
    ["a client that version 1 names", "PROXY TCP4 192.0.2.8 10.0.0.1 4711 80\r\n", /^HTTP\/1\.1 200 OK/],
    ["a client that version 2 names", version2(0x21, 0x11, client), /^HTTP\/1\.1 200 OK/],
    ["a stranger that version 1 names", "PROXY TCP4 198.51.100.1 10.0.0.1 4711 80\r\n", /^HTTP\/1\.1 403 Forbidden/],
    ["a stranger that version 2 names", version2(0x21, 0x11, stranger), /^HTTP\/1\.1 403 Forbidden/],
    ["the proxy itself, which is not among those allowed", version2(0x20, 0, []), /^HTTP\/1\.1 403 Forbidden/],
    ["a socket that begins without", "", /^$/],
    ["a head that is cut off and followed by a request", "PROXY TCP4 192.0.2.8", /^$/],
    ["a head that claims to be longer than any", version2(0x21, 0x11, Buffer.alloc(60_000)), /^$/],
  ]) {
    test(`answers ${what} as it should`, async () => {
      assert.match(await exchange(server.port, Buffer.concat([Buffer.from(head), Buffer.from(HEALTH)])), answer);
    });
  }

  test("reads it before TLS", async () => {
    const authority = new Authority();
    const files = authority.write("proxied", authority.server());
    const secure = await start("proxied_tls", `[tls]\ncertificate = "${files.cert}"\nprivate_key = "${files.key}"\n[addresses]\nallow = ["192.0.2.0/24"]\ntrusted_proxies = ["127.0.0.1"]\nproxy_protocol = true`);
    const options = { secure: { ca: [readFileSync(authority.file)], host: "127.0.0.1" } };
    assert.match(await exchange(secure.port, version2(0x21, 0x11, client), options), /^HTTP\/1\.1 200 OK/);
    assert.equal(await exchange(secure.port, version2(0x21, 0x11, stranger), options), "");
    await secure.stop();
  });
});

describe("a hub that only pages of some origins may use", () => {
  let server;
  before(async () => (server = await start("origins", `[hubs.chat]\nallowed_origins = ["https://app.example.com", "http://localhost:3000"]`)));
  after(() => server.stop());

  test("refuses pages of others with 403, and asks nobody who is not a page", async () => {
    for (const [origin, status] of [
      ["https://app.example.com", 101],
      ["HTTPS://APP.example.com", 101],
      ["http://localhost:3000", 101],
      [undefined, 101],
      ["https://app.example.com.evil.example", 403],
      ["http://app.example.com", 403],
      ["http://localhost:3001", 403],
      ["null", 403],
      ["", 403],
    ]) {
      const headers = origin === undefined ? {} : { Origin: origin };
      const came = await RawClient.json(server, "chat", { headers }).then((client) => client.close(1000).then(() => 101), (error) => error.status);
      assert.equal(came, status, origin);
    }
    const elsewhere = await RawClient.json(server, "other", { headers: { Origin: "https://evil.example" } });
    await elsewhere.close(1000);
  });

  test("leaves REST as it is, which is protected by a token that no browser adds", async () => {
    const answer = await rest(server, "HEAD", "/api/health", { token: null, headers: { Origin: "https://evil.example" } });
    assert.equal(answer.status, 200);
  });
});

for (const [setting, tables, problem] of [
  ["addresses.deny", `[addresses]\ndeny = ["10.0.0.0/33"]`, "neither a network"],
  ["addresses.proxy_protocol", `[addresses]\nproxy_protocol = true`, "nobody is believed"],
  ["hubs.chat.allowed_origins", `[hubs.chat]\nallowed_origins = ["https://app.example.com/"]`, "is not an origin"],
]) {
  ofOneProcess(test)(`a wrong ${setting} is refused at the start, with its place`, async () => {
    const error = await refusal(start("wrong", tables));
    assert.match(error.message, new RegExp(`wrong\\.toml:2.*${setting.replaceAll(".", "\\.")}.*${problem}`, "s"));
  });
}
