// Names in paths: what is allowed, how it is decoded, what is the same.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, nowSeconds, rest, signToken } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const TEXT = { body: "x", headers: { "Content-Type": "text/plain" } };

describe("hub names", () => {
  for (const hub of ["1abc", "_a", "a-b", "a%20b", "%C3%A4", "a%2Fb", "h".repeat(129), "a;b"]) {
    test(`${hub.slice(0, 12)} gets 400, with a valid token`, async () => {
      const answer = await rest(server, "POST", `/api/hubs/${hub}/:send`, TEXT);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json.code, "Error.BadRequest");
      assert.equal(answer.json.message, "Invalid hub name.");
    });

    test(`${hub.slice(0, 12)} without a token gets 401: who asks comes before what is asked`, async () => {
      assert.equal((await rest(server, "POST", `/api/hubs/${hub}/:send`, { ...TEXT, token: null })).status, 401);
    });
  }

  for (const hub of ["a", "A_b,c.d", "a%60b", "a%5B1%5D", "h".repeat(128)]) {
    test(`${hub.slice(0, 12)} is accepted`, async () => {
      assert.equal((await rest(server, "POST", `/api/hubs/${hub}/:send`, TEXT)).status, 202);
    });
  }

  test("are the same in any case", async () => {
    const name = server.hub("mixed");
    const client = await RawClient.json(server, name, { userId: "u" });
    const upper = new Hub(server, name.toUpperCase());
    await upper.sendText("", "x");
    assert.equal((await client.message()).data, "x");
    assert.equal(await upper.exists("/users/u"), true);
    await client.close(1000);
  });
});

describe("names of users, groups and connections", () => {
  test("are case-sensitive", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const client = await RawClient.json(server, name, { userId: "User", groups: ["Group"] });
    assert.deepEqual(await Promise.all(["/users/User", "/users/user", "/groups/Group", "/groups/group"].map((path) => hub.exists(path))), [true, false, true, false]);
    await client.close(1000);
  });

  for (const [written, meant] of [
    ["a%20b", "a b"],
    ["a+b", "a+b"],
    ["a%2Bb", "a+b"],
    ["tenant%2Falice", "tenant%2Falice"],
    ["tenant%2falice", "tenant%2falice"],
    ["tenant%252Falice", "tenant%2Falice"],
    ["100%25", "100%"],
    ["%C3%BC", "ü"],
    ["a:b", "a:b"],
    ["%F0%9F%98%80", "\u{1F600}"],
    [".", "."],
  ].filter(([written]) => written !== ".")) {
    test(`${written} in a path means ${meant}`, async () => {
      const name = server.hub();
      const hub = new Hub(server, name);
      const client = await RawClient.json(server, name, { userId: meant, groups: [meant] });
      assert.deepEqual([await hub.exists(`/users/${written}`), await hub.exists(`/groups/${written}`)], [true, true]);
      await client.close(1000);
    });
  }

  test("with a real slash cannot be reached", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const client = await RawClient.json(server, name, { userId: "tenant/alice" });
    assert.deepEqual([await hub.exists("/users/tenant%2Falice"), (await hub.call("HEAD", "/users/tenant/alice")).status], [false, 404]);
    await client.close(1000);
  });

  for (const [path, message] of [
    ["/groups/%20", "Invalid group name."],
    ["/groups/%09%20", "Invalid group name."],
    [`/groups/${"g".repeat(1025)}`, "Invalid group name."],
    ["/users/%20", undefined],
    ["/connections/%20", undefined],
  ]) {
    test(`${path.slice(0, 24)} gets 400`, async () => {
      const answer = await new Hub(server, server.hub()).call("POST", `${path}/:send`, TEXT);
      assert.equal(answer.status, 400);
      assert.equal(answer.json.code, "Error.BadRequest");
      if (message) assert.equal(answer.json.message, message);
    });
  }

  test("a group of 1024 characters is fine", async () => {
    assert.equal((await new Hub(server, server.hub()).call("POST", `/groups/${"g".repeat(1024)}/:send`, TEXT)).status, 202);
  });
});

describe("REST tokens", () => {
  const path = "/api/hubs/tokens/users/none";
  const aud = () => `${server.endpoint}${path}`;
  const later = nowSeconds() + 600;
  const head = async (token) => (await rest(server, "HEAD", path, { token })).status;
  const sign = (claims, options) => signToken(claims, server.accessKey, options);

  const bad = {
    "text that is no token": () => "nonsense",
    "another key": () => signToken({ aud: aud(), exp: later }, "x".repeat(44)),
    "no expiry": () => sign({ aud: aud() }),
    "an expiry beyond the skew": () => sign({ aud: aud(), exp: nowSeconds() - 600 }),
    "a start beyond the skew": () => sign({ aud: aud(), exp: later, nbf: nowSeconds() + 600 }),
    "no algorithm": () => sign({ aud: aud(), exp: later }, { alg: "none" }),
    "no audience": () => sign({ exp: later }),
    "a parent path as audience": () => sign({ aud: `${server.endpoint}/api/hubs/tokens`, exp: later }),
    "an audience that only begins alike": () => sign({ aud: `${aud()}Suffix`, exp: later }),
    "another host": () => sign({ aud: `http://example.com${path}`, exp: later }),
    "another port": () => sign({ aud: `http://127.0.0.1:1${path}`, exp: later }),
    "ftp": () => sign({ aud: `ftp://${server.host}${path}`, exp: later }),
    "a client token's audience": () => sign({ aud: `${server.endpoint}/client/hubs/tokens`, exp: later }),
  };
  for (const [what, token] of Object.entries(bad)) {
    test(`${what} gets 401`, async () => assert.equal(await head(token()), 401));
  }

  const good = {
    "the URL without its query": () => sign({ aud: aud(), exp: later }),
    "the URL with its query": () => sign({ aud: `${aud()}?api-version=2024-12-01`, exp: later }),
    "the URL with another query": () => sign({ aud: `${aud()}?x=1`, exp: later }),
    "a trailing slash": () => sign({ aud: `${aud()}/`, exp: later }),
    "a child path": () => sign({ aud: `${aud()}/groups`, exp: later }),
    "https": () => sign({ aud: `https://${server.host}${path}`, exp: later }),
    "wss in capitals": () => sign({ aud: `WSS://${server.host}${path.toUpperCase()}`, exp: later }),
    "one of a list": () => sign({ aud: ["x", aud()], exp: later }),
    "an expiry within the skew": () => sign({ aud: aud(), exp: nowSeconds() - 120 }),
    "HS512": () => sign({ aud: aud(), exp: later }, { alg: "HS512" }),
  };
  for (const [what, token] of Object.entries(good)) {
    test(`${what} is accepted`, async () => assert.equal(await head(token()), 404));
  }

  test("the scheme word may be written in any case", async () => {
    assert.equal((await rest(server, "HEAD", path, { token: null, headers: { Authorization: `BEARER ${sign({ aud: aud(), exp: later })}` } })).status, 404);
    assert.equal((await rest(server, "HEAD", path, { token: null, headers: { Authorization: `Basic ${sign({ aud: aud(), exp: later })}` } })).status, 401);
  });

  test("a refusal is JSON with code, message and target, and lists the versions", async () => {
    const answer = await rest(server, "POST", "/api/hubs/tokens/:send", { ...TEXT, token: null });
    assert.equal(answer.status, 401);
    assert.match(answer.headers["content-type"], /^application\/json/);
    assert.deepEqual(Object.keys(answer.json), ["code", "message", "target"]);
    assert.equal(answer.headers["api-supported-versions"], "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01");
  });

  test("a refused call has no effect", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    for (const [method, target] of [["POST", "/:send"], ["POST", "/:closeConnections"], ["DELETE", `/connections/${client.connectionId}`], ["PUT", `/groups/g/connections/${client.connectionId}`]]) {
      assert.equal((await new Hub(server, name).call(method, target, { ...TEXT, token: null })).status, 401);
    }
    await client.settled();
    assert.deepEqual(client.unseen, []);
    assert.equal(await new Hub(server, name).exists("/groups/g"), false);
    await client.close(1000);
  });

  test("a percent-encoded name may be signed as sent and as meant", async () => {
    for (const written of ["/api/hubs/tokens/users/a%20b", "/api/hubs/tokens/users/%C3%BC"]) {
      for (const audience of [written, decodeURIComponent(written)]) {
        assert.equal((await rest(server, "HEAD", written, { token: sign({ aud: `${server.endpoint}${audience}`, exp: later }) })).status, 404, audience);
      }
    }
  });
});
