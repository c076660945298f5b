// Everything that is decided before the upgrade is answered.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { HandshakeRefused, JSON_PROTOCOL, RELIABLE_PROTOCOL, RawClient } from "./support/raw_client.mjs";
import { clientToken, clientUrl, nowSeconds, rest, signToken } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

async function refusal(url, options) {
  const opened = await RawClient.connect(url, options).catch((error) => error);
  assert.ok(opened instanceof HandshakeRefused, opened instanceof Error ? opened.message : "The upgrade was accepted.");
  return opened;
}

async function accepts(url, options = { protocols: [JSON_PROTOCOL] }) {
  const client = await RawClient.connect(url, options);
  const connected = options.protocols?.length ? await client.connected() : undefined;
  await client.close(1000);
  return connected;
}

/** A token that claims an asymmetric algorithm. */
function asymmetricToken(claims) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
}

describe("access tokens of clients", () => {
  const bad = {
    "no token": () => null,
    "an empty token": () => "",
    "text that is no token": () => "nonsense",
    "a token of another key": (hub) => clientToken(server, hub, { key: "x".repeat(44) }),
    "an expired token": (hub) => clientToken(server, hub, { claims: { exp: nowSeconds() - 600 } }),
    "a token without expiry": (hub) => clientToken(server, hub, { claims: { exp: undefined } }),
    "a token that is not yet valid": (hub) => clientToken(server, hub, { claims: { nbf: nowSeconds() + 600 } }),
    "an unsigned token": (hub) => clientToken(server, hub, { alg: "none" }),
    "a token of an asymmetric algorithm": (hub) => asymmetricToken({ aud: `${server.endpoint}/client/hubs/${hub}`, exp: nowSeconds() + 600 }),
    "a token whose signature is cut off": (hub) => clientToken(server, hub).split(".").slice(0, 2).join("."),
    "a token whose claims were changed": (hub) => {
      const [head, , signature] = clientToken(server, hub).split(".");
      return [head, Buffer.from(JSON.stringify({ aud: `${server.endpoint}/client/hubs/${hub}`, exp: nowSeconds() + 600, sub: "admin" })).toString("base64url"), signature].join(".");
    },
    "a token of another hub": () => clientToken(server, "another"),
    "a token of another host": (hub) => clientToken(server, hub, { claims: { aud: `http://example.com/client/hubs/${hub}` } }),
    "a token of another port": (hub) => clientToken(server, hub, { claims: { aud: `http://127.0.0.1:1/client/hubs/${hub}` } }),
    "a token of the REST interface": (hub) => clientToken(server, hub, { claims: { aud: `${server.endpoint}/api/hubs/${hub}` } }),
    "a token whose audience goes on": (hub) => clientToken(server, hub, { claims: { aud: `${server.endpoint}/client/hubs/${hub}x` } }),
    "a token without audience": (hub) => clientToken(server, hub, { claims: { aud: undefined } }),
  };
  for (const [what, token] of Object.entries(bad)) {
    test(`${what} gets 401 before any upgrade`, async () => {
      const hub = server.hub("Token");
      assert.equal((await refusal(clientUrl(server, hub, { token: token(hub) }))).status, 401);
    });
  }

  const good = {
    "a token that expired within the clock skew": { exp: nowSeconds() - 60 },
    "a token that starts within the clock skew": { nbf: nowSeconds() + 60 },
    "an audience written with https": (hub) => ({ aud: `https://${server.host}/client/hubs/${hub}` }),
    "an audience written with ws": (hub) => ({ aud: `ws://${server.host}/client/hubs/${hub}` }),
    "an audience in capitals": (hub) => ({ aud: `HTTP://${server.host}/CLIENT/HUBS/${hub.toUpperCase()}` }),
    "one of several audiences": (hub) => ({ aud: ["https://example.com", `${server.endpoint}/client/hubs/${hub}`] }),
    "an issuer and a key id": (hub) => ({ iss: "me", kid: "1", aud: `${server.endpoint}/client/hubs/${hub}` }),
  };
  for (const [what, claims] of Object.entries(good)) {
    test(`${what} is accepted`, async () => {
      const hub = server.hub("token");
      await accepts(clientUrl(server, hub, { claims: typeof claims === "function" ? claims(hub) : claims }));
    });
  }

  for (const alg of ["HS384", "HS512"]) {
    test(`a token signed with ${alg} is accepted`, async () => {
      await accepts(clientUrl(server, server.hub(), { alg }));
    });
  }

  test("the Authorization header works as well", async () => {
    const hub = server.hub();
    for (const scheme of ["Bearer", "bearer"]) {
      const headers = { Authorization: `${scheme} ${clientToken(server, hub, { userId: "u" })}` };
      assert.equal((await accepts(clientUrl(server, hub, { token: null }), { protocols: [JSON_PROTOCOL], headers })).userId, "u");
    }
  });

  test("the token of the query wins over that of the header", async () => {
    const hub = server.hub();
    const headers = { Authorization: `Bearer ${clientToken(server, hub, { userId: "header" })}` };
    assert.equal((await accepts(clientUrl(server, hub, { userId: "query" }), { protocols: [JSON_PROTOCOL], headers })).userId, "query");
    assert.equal((await refusal(clientUrl(server, hub, { token: "nonsense" }), { headers })).status, 401);
  });

  test("the name of the token parameter may be written in any case", async () => {
    const hub = server.hub();
    await accepts(`${server.wsEndpoint}/client/hubs/${hub}?ACCESS_TOKEN=${clientToken(server, hub)}`);
  });

  test("a connection stays although its token has run out", async () => {
    const hub = server.hub();
    // Expired before it was used, though within the skew: nothing looks at the expiry again.
    const client = await RawClient.json(server, hub, { claims: { exp: nowSeconds() - 290 } });
    await client.settled();
    await client.close(1000);
  });

  test("the user is null without sub, empty with an empty sub, and may come from the long claim name", async () => {
    const userOf = async (options) => (await accepts(clientUrl(server, server.hub(), options))).userId;
    assert.equal(await userOf({}), null);
    assert.equal(await userOf({ userId: "" }), "");
    assert.equal(await userOf({ userId: "ä/ö u" }), "ä/ö u");
    assert.equal(await userOf({ claims: { "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "long" } }), "long");
  });

  test("roles and groups may be a string or an array", async () => {
    const client = await RawClient.json(server, server.hub(), { roles: "webpubsub.joinLeaveGroup.one", groups: "start" });
    assert.equal((await client.join("one")).success, true);
    assert.equal((await client.join("two")).success, false);
    await client.close(1000);
  });

  for (const [what, groups] of Object.entries({ "an empty name": ["good", ""], "a blank name": ["  "], "a name of 1025 characters": ["g".repeat(1025)] })) {
    test(`a token with ${what} among its groups gets 400`, async () => {
      const { status, body } = await refusal(clientUrl(server, server.hub(), { groups }));
      assert.deepEqual([status, body], [400, "The token contains an invalid group name."]);
    });
  }
});

describe("the client endpoint", () => {
  test("hub names are the same in any case", async () => {
    const lower = server.hub("case");
    const client = await RawClient.json(server, lower.toUpperCase(), {});
    assert.equal((await rest(server, "HEAD", `/api/hubs/${lower}/connections/${client.connectionId}`)).status, 200);
    await client.close(1000);
  });

  test("literal parts of the path may be written in any case", async () => {
    const hub = server.hub();
    await accepts(`${server.wsEndpoint}/Client/HUBS/${hub}?access_token=${clientToken(server, hub)}`);
  });

  for (const hub of ["1abc", "a-b", "h".repeat(129), "a%20b", "_x"]) {
    test(`hub name ${hub.slice(0, 12)} gets 400`, async () => {
      const token = signToken({ aud: `${server.endpoint}/client/hubs/${decodeURIComponent(hub)}`, exp: nowSeconds() + 600 }, server.accessKey);
      assert.equal((await refusal(`${server.wsEndpoint}/client/hubs/${hub}?access_token=${token}`)).status, 400);
    });
  }

  test("a hub name of 128 characters with every allowed sign is accepted", async () => {
    await accepts(clientUrl(server, "h_.,0".padEnd(128, "z")));
  });

  for (const path of ["/client/", "/client"]) {
    for (const audience of ["/client/hubs/HUB", "/client/?hub=HUB", "/client?hub=HUB"]) {
      test(`the older URL ${path}?hub= works with audience ${audience}`, async () => {
        const hub = server.hub();
        const token = signToken({ aud: server.endpoint + audience.replace("HUB", hub), exp: nowSeconds() + 600 }, server.accessKey);
        await accepts(`${server.wsEndpoint}${path}?hub=${hub}&access_token=${token}`);
      });
    }
  }

  test("the older URL names the same hub", async () => {
    const hub = server.hub();
    const client = await RawClient.connect(`${server.wsEndpoint}/client/?hub=${hub}&access_token=${clientToken(server, hub)}`, { protocols: [JSON_PROTOCOL] });
    await client.connected();
    assert.equal((await rest(server, "HEAD", `/api/hubs/${hub}/connections/${client.connectionId}`)).status, 200);
    await client.close(1000);
  });

  test("a request that is no upgrade gets 400", async () => {
    const hub = server.hub();
    const { status } = await rest(server, "GET", `/client/hubs/${hub}`, { query: { access_token: clientToken(server, hub) }, apiVersion: null, token: null });
    assert.equal(status, 400);
  });

  test("an upgrade on an unknown path gets 404", async () => {
    assert.equal((await refusal(`${server.wsEndpoint}/nowhere`)).status, 404);
  });

  test("another WebSocket version is refused", async () => {
    const hub = server.hub();
    const status = await new Promise((resolve, reject) => {
      const call = http.request({ host: "127.0.0.1", port: server.port, path: `/client/hubs/${hub}?access_token=${clientToken(server, hub)}`, headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" } });
      call.on("response", (response) => resolve(response.resume().statusCode)).on("upgrade", (_, socket) => (socket.destroy(), resolve(101))).on("error", reject).end();
    });
    assert.ok(status >= 400 && status < 500, `status ${status}`);
  });

  test("connection ids are unique and safe in URLs", async () => {
    const hub = server.hub();
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.json(server, hub)));
    const ids = clients.map((client) => client.connectionId);
    assert.equal(new Set(ids).size, 20);
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{16,}$/);
    await RawClient.closeAll(...clients);
  });

  test("compression is never negotiated unasked", async () => {
    const client = await RawClient.connect(clientUrl(server, server.hub()), {});
    assert.equal(client.upgradeHeaders["sec-websocket-extensions"], undefined);
    await client.close(1000);
  });
});

describe("subprotocol negotiation", () => {
  const cases = [
    ["the JSON protocol", [JSON_PROTOCOL], JSON_PROTOCOL],
    ["the reliable protocol", [RELIABLE_PROTOCOL], RELIABLE_PROTOCOL],
    ["the first known name of several", ["custom", RELIABLE_PROTOCOL, JSON_PROTOCOL], RELIABLE_PROTOCOL],
    ["the client's order", [JSON_PROTOCOL, RELIABLE_PROTOCOL], JSON_PROTOCOL],
    ["the client's spelling", ["JSON.WebPubSub.Azure.v1"], "JSON.WebPubSub.Azure.v1"],
    ["the client's spelling of the reliable name", ["Json.Reliable.WebPubSub.Azure.V1"], "Json.Reliable.WebPubSub.Azure.V1"],
  ];
  for (const [what, protocols, chosen] of cases) {
    test(`${what} is answered`, async () => {
      const client = await RawClient.connect(clientUrl(server, server.hub()), { protocols });
      assert.equal(client.protocol, chosen);
      assert.equal(client.upgradeHeaders["sec-websocket-protocol"], chosen);
      const { reconnectionToken } = await client.connected();
      assert.equal(typeof reconnectionToken, chosen.toLowerCase().includes("reliable") ? "string" : "undefined");
      await client.close(1000);
    });
  }

  test("an unknown name leads to a simple client without a protocol in the answer", async () => {
    const hub = server.hub();
    const { status, protocol } = await new Promise((resolve, reject) => {
      const call = http.request({ host: "127.0.0.1", port: server.port, path: `/client/hubs/${hub}?access_token=${clientToken(server, hub)}`, headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "my.protocol" } });
      call.on("upgrade", (response, socket) => {
        assert.equal(response.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        socket.destroy();
        resolve({ status: response.statusCode, protocol: response.headers["sec-websocket-protocol"] });
      });
      call.on("response", (response) => resolve({ status: response.resume().statusCode })).on("error", reject).end();
    });
    assert.deepEqual({ status, protocol }, { status: 101, protocol: undefined });
  });

  test("no protocol offered, none answered", async () => {
    const client = await RawClient.simple(server, server.hub());
    assert.equal(client.upgradeHeaders["sec-websocket-protocol"], undefined);
    await client.close(1000);
  });

  test("the protocol of a connection is known to filters in the client's spelling", async () => {
    const hub = server.hub();
    const spelled = await RawClient.connect(clientUrl(server, hub), { protocols: ["JSON.webpubsub.azure.v1"] });
    const simple = await RawClient.simple(server, hub);
    await spelled.connected();
    const send = (filter, text) => rest(server, "POST", `/api/hubs/${hub}/:send`, { query: { filter }, body: text, headers: { "Content-Type": "text/plain" } });
    await send("protocol eq 'json.webpubsub.azure.v1'", "lower");
    await send("protocol eq 'JSON.webpubsub.azure.v1'", "spelled");
    await send("protocol eq null", "simple");
    assert.equal((await spelled.message()).data, "spelled");
    assert.equal((await simple.next()).text, "simple");
    await RawClient.closeAll(spelled, simple);
  });
});
