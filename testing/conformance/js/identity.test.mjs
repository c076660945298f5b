// Callers of the data plane with tokens of an OpenID Connect issuer, by the official SDK and a real provider.
import assert from "node:assert/strict";
import http from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import Provider from "oidc-provider";
import { Authority } from "./support/certificates.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { rest, restToken } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

// The official SDK shows such tokens over TLS only, and cannot be handed an authority.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

const AUDIENCE = "https://webpubsub.azure.com";
const CLIENTS = ["owner-app", "reader-app", "other-app"];

/** An issuer that gives programs tokens for what they ask. */
async function startIssuer() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A test that fails must not keep the process.
  server.unref();
  const url = `http://127.0.0.1:${server.address().port}`;
  const clients = CLIENTS.map((client_id) => ({ client_id, client_secret: "secret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }));
  const resource = (audience) => ({ scope: "api", audience, accessTokenFormat: "jwt", accessTokenTTL: 600, jwt: { sign: { alg: "RS256" } } });
  const provider = new Provider(url, {
    clients,
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, indicator) => resource(indicator) },
    },
  });
  server.on("request", provider.callback());
  return {
    url,
    async token(client, audience = AUDIENCE) {
      const body = new URLSearchParams({ grant_type: "client_credentials", resource: audience, scope: "api" });
      const authorization = `Basic ${Buffer.from(`${client}:secret`).toString("base64")}`;
      const answer = await fetch(`${url}/token`, { method: "POST", body, headers: { authorization } });
      const { access_token: token, ...rest } = await answer.json();
      assert.ok(token, JSON.stringify(rest));
      return token;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const authority = new Authority();
const folder = mkdtempSync(join(tmpdir(), "hubwire-identity-"));
after(() => rmSync(folder, { recursive: true }));

async function startTrusting(issuer, more = "") {
  const files = authority.write("identity", authority.server());
  const config = join(folder, "hubwire.toml");
  const entra = `[entra]\nissuer = "${issuer}"\nowners = ["owner-app"]\nreaders = ["reader-app"]\n${more}\n`;
  writeFileSync(config, `${entra}[tls]\ncertificate = "${files.cert}"\nprivate_key = "${files.key}"\n`);
  return startServer({ args: ["--config", config] });
}

const PATH = "/api/hubs/chat/:send";
const call = (server, token, method = "POST", path = PATH) => rest(server, method, path, { token, body: method === "POST" ? "x" : undefined, headers: { "Content-Type": "text/plain" } });

describe("a caller with a token of the issuer", () => {
  let issuer, server;
  before(async () => {
    issuer = await startIssuer();
    server = await startTrusting(issuer.url);
  });
  after(() => Promise.all([server.stop(), issuer.stop()]));

  test("that is an owner does everything through the official SDK", async () => {
    const credential = { getToken: async () => ({ token: await issuer.token("owner-app"), expiresOnTimestamp: Date.now() + 600_000 }) };
    const service = new WebPubSubServiceClient(server.endpoint, credential, "chat");
    const { url } = await service.getClientAccessToken({ userId: "u", groups: ["g"], roles: ["webpubsub.sendToGroup"] });
    const client = await RawClient.connect(url, { protocols: ["json.webpubsub.azure.v1"] });
    const { connectionId } = await client.connected();
    await service.group("g").sendToAll("hello", { contentType: "text/plain" });
    assert.equal((await client.message()).data, "hello");
    assert.equal(await service.userExists("u"), true);
    await service.closeConnection(connectionId);
    await client.closed();
  });

  test("that is a reader may look and not act", async () => {
    const token = await issuer.token("reader-app");
    assert.equal((await call(server, token, "HEAD", "/api/hubs/chat/users/nobody")).status, 404);
    const refused = await call(server, token);
    assert.deepEqual([refused.status, refused.errorCode], [403, "Error.Forbidden"]);
  });

  test("to whom nobody has given a role may do nothing", async () => {
    const token = await issuer.token("other-app");
    assert.equal((await call(server, token, "HEAD", "/api/hubs/chat/users/nobody")).status, 403);
  });

  test("that is for somebody else, or was changed, is not let in, and told why", async () => {
    const elsewhere = await call(server, await issuer.token("owner-app", "https://elsewhere.example.com"));
    assert.equal(elsewhere.status, 401);
    assert.match(elsewhere.text, /entra\.audience/);
    const [head, payload, signature] = (await issuer.token("reader-app")).split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url"));
    const forged = Buffer.from(JSON.stringify({ ...claims, client_id: "owner-app", sub: "owner-app" })).toString("base64url");
    const refused = await call(server, `${head}.${forged}.${signature}`);
    assert.equal(refused.status, 401);
    assert.ok(!refused.text.includes(forged) && !server.output.stderr.includes(forged), "no token is repeated");
  });

  test("is let in beside one with an access key", async () => {
    assert.equal((await call(server, restToken(server, `${PATH}?api-version=2024-12-01`))).status, 202);
  });
});

test("where it is required, access keys open no REST call, and clients with tokens of the service's come in", async () => {
  const issuer = await startIssuer();
  const server = await startTrusting(issuer.url, "required = true");
  const refused = await call(server, restToken(server, `${PATH}?api-version=2024-12-01`));
  assert.equal(refused.status, 401);
  assert.match(refused.text, /entra\.required/);
  assert.equal((await call(server, await issuer.token("owner-app"))).status, 202);
  await (await RawClient.json(server, "chat")).close(1000);
  await Promise.all([server.stop(), issuer.stop()]);
});

test("an issuer that is away when the service starts is an error of the call, with its name, and no other", async () => {
  const issuer = await startIssuer();
  const token = await issuer.token("owner-app");
  await issuer.stop();
  const server = await startTrusting(issuer.url);
  const unavailable = await call(server, token);
  assert.equal(unavailable.status, 503);
  assert.match(unavailable.text, /the keys of the issuer cannot be had/);
  assert.equal((await call(server, restToken(server, `${PATH}?api-version=2024-12-01`))).status, 202);
  await server.stop();
});
