// Every operation of the data plane: versions, statuses, codes, headers and bodies.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, SUPPORTED_VERSIONS, rest } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const TEXT = { body: "x", headers: { "Content-Type": "text/plain" } };
const GROUPS = { body: '{"groups":["g"]}', headers: { "Content-Type": "application/json" } };
const TARGET = { query: { targetName: "g" } };

/** Method, path, options, status and error code when nothing of what is named exists. */
const ON_NOTHING = [
  ["POST", "/:send", TEXT, 202],
  ["POST", "/connections/none/:send", TEXT, 202],
  ["POST", "/users/none/:send", TEXT, 202],
  ["POST", "/groups/none/:send", TEXT, 202],
  ["HEAD", "/connections/none", {}, 404, "Warning.Connection.NotExisted"],
  ["HEAD", "/users/none", {}, 404, "Warning.User.NotExisted"],
  ["HEAD", "/groups/none", {}, 404, "Warning.Group.NotExisted"],
  ["DELETE", "/connections/none", {}, 204],
  ["POST", "/:closeConnections", {}, 204],
  ["POST", "/groups/none/:closeConnections", {}, 204],
  ["POST", "/users/none/:closeConnections", {}, 204],
  ["PUT", "/groups/g/connections/none", {}, 404, "Error.Connection.NotExisted"],
  ["DELETE", "/groups/g/connections/none", {}, 204],
  ["DELETE", "/connections/none/groups", {}, 204],
  ["PUT", "/users/none/groups/g", {}, 404, "Error.User.NotExisted"],
  ["DELETE", "/users/none/groups/g", {}, 204],
  ["DELETE", "/users/none/groups", {}, 204],
  ["POST", "/:addToGroups", GROUPS, 200],
  ["POST", "/:removeFromGroups", GROUPS, 200],
  ["GET", "/groups/none/connections", {}, 200],
  ["HEAD", "/permissions/sendToGroup/connections/none", TARGET, 404, "Info.Connection.NotExisted"],
  ["HEAD", "/permissions/joinLeaveGroup/connections/none", TARGET, 404, "Info.Connection.NotExisted"],
  ["PUT", "/permissions/sendToGroup/connections/none", TARGET, 404, "Info.Connection.NotExisted"],
  ["DELETE", "/permissions/sendToGroup/connections/none", TARGET, 204],
  ["POST", "/:generateToken", {}, 200],
];

const SUPPORTED = SUPPORTED_VERSIONS.join(", ");

describe("an operation on what does not exist", () => {
  for (const [method, path, options, status, code] of ON_NOTHING) {
    test(`${method} ${path} answers ${status}${code ? ` ${code}` : ""}`, async () => {
      const answer = await new Hub(server, server.hub()).call(method, path, options);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.errorCode, code);
      assert.equal(answer.headers["api-supported-versions"], SUPPORTED);
      if (method === "HEAD" || status === 202 || status === 204) assert.equal(answer.text, "");
      if (status === 202) assert.equal(answer.headers["content-length"], "0");
      if (status === 404 && method !== "HEAD") {
        assert.match(answer.headers["content-type"], /^application\/json/);
        assert.equal(answer.json.code, code);
      }
    });
  }

  test("the body of a missing connection quotes its id", async () => {
    const hub = new Hub(server, server.hub());
    assert.deepEqual((await hub.call("PUT", "/groups/g/connections/c%201")).json, { code: "Error.Connection.NotExisted", message: "Connection `c 1` is not found.", target: "Connection" });
    assert.deepEqual((await hub.call("PUT", "/permissions/sendToGroup/connections/c1", TARGET)).json, { code: "Info.Connection.NotExisted", message: "Connection `c1` is not found.", target: "Connection" });
  });
});

test("an operation on what exists answers with its success and does what it says", async () => {
  const name = server.hub();
  const hub = new Hub(server, name);
  const client = await RawClient.json(server, name, { userId: "u", roles: [] });
  const id = client.connectionId;
  const step = async (method, path, status, options) => {
    const answer = await hub.call(method, path, options);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.errorCode, undefined);
    if (status === 200 && method !== "GET") assert.equal(answer.text, "");
    return answer;
  };
  await step("HEAD", `/connections/${id}`, 200);
  await step("HEAD", "/users/u", 200);
  await step("PUT", `/groups/g/connections/${id}`, 200);
  await step("PUT", `/groups/g/connections/${id}`, 200);
  await step("HEAD", "/groups/g", 200);
  assert.deepEqual((await step("GET", "/groups/g/connections", 200)).json, { value: [{ connectionId: id, userId: "u" }], nextLink: null });
  await step("DELETE", `/groups/g/connections/${id}`, 204);
  assert.equal(await hub.exists("/groups/g"), false);
  await step("PUT", "/users/u/groups/h", 200);
  assert.equal(await hub.exists("/groups/h"), true);
  await step("DELETE", "/users/u/groups/h", 204);
  assert.equal(await hub.exists("/groups/h"), false);
  await step("PUT", "/users/u/groups/i", 200);
  await step("DELETE", "/users/u/groups", 204);
  assert.equal(await hub.exists("/groups/i"), false);
  await step("PUT", `/groups/j/connections/${id}`, 200);
  await step("DELETE", `/connections/${id}/groups`, 204);
  assert.equal(await hub.exists("/groups/j"), false);
  await step("PUT", `/permissions/sendToGroup/connections/${id}`, 200, TARGET);
  await step("HEAD", `/permissions/sendToGroup/connections/${id}`, 200, TARGET);
  await step("DELETE", `/permissions/sendToGroup/connections/${id}`, 204, TARGET);
  assert.equal((await hub.call("HEAD", `/permissions/sendToGroup/connections/${id}`, TARGET)).status, 404);
  await step("DELETE", `/connections/${id}`, 204);
  assert.deepEqual(await client.closed(), { code: 1000, reason: "" });
  assert.equal(await hub.exists(`/connections/${id}`), false);
});

test("membership changes neither tell the client nor touch its permissions", async () => {
  const name = server.hub();
  const hub = new Hub(server, name);
  const client = await RawClient.json(server, name, { roles: [] });
  await hub.call("PUT", `/groups/g/connections/${client.connectionId}`);
  assert.equal((await client.publish("g", "x")).error.name, "Forbidden");
  assert.equal((await client.leave("g")).error.name, "Forbidden");
  assert.deepEqual(client.unseen, []);
  await client.close(1000);
});

describe("closes", () => {
  test("leave out the excluded connections", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    for (const path of ["", "/groups/g", "/users/u"]) {
      const [gone, kept] = [await RawClient.json(server, name, { userId: "u", groups: ["g"] }), await RawClient.json(server, name, { userId: "u", groups: ["g"] })];
      assert.equal((await hub.call("POST", `${path}/:closeConnections`, { query: { excluded: [kept.connectionId, "unknown"], reason: "r" } })).status, 204);
      assert.equal((await gone.disconnected()).message, "Application server closed the connection. Reason: r");
      await gone.closed();
      await kept.settled();
      await kept.close(1000);
    }
  });

  test("have taken effect when they are answered", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.json(server, name, { groups: ["g"] })));
    assert.equal((await hub.call("POST", "/:closeConnections")).status, 204);
    assert.equal(await hub.exists("/groups/g"), false);
    for (const client of clients) assert.equal(await hub.exists(`/connections/${client.connectionId}`), false);
    for (const client of clients) assert.equal((await client.closed()).code, 1000);
  });
});

describe("generateToken", () => {
  const claimsOf = (answer) => JSON.parse(Buffer.from(answer.json.token.split(".")[1], "base64url"));

  test("gives a token of one hour for the hub in lower case", async () => {
    const answer = await rest(server, "POST", "/api/hubs/MyHub/:generateToken");
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^application\/json/);
    const claims = claimsOf(answer);
    assert.equal(claims.aud, `${server.endpoint}/client/hubs/myhub`);
    assert.equal(claims.exp - claims.nbf, 3600);
    assert.deepEqual([claims.sub, claims.role, claims["webpubsub.group"]], [undefined, undefined, undefined]);
  });

  test("carries user, roles, groups and minutes", async () => {
    const hub = new Hub(server, server.hub());
    const answer = await hub.call("POST", "/:generateToken", { query: { userId: "u", role: ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"], group: ["a", "b"], minutesToExpire: "5", clientType: "DEFAULT" } });
    assert.equal(answer.status, 200, answer.text);
    const claims = claimsOf(answer);
    assert.equal(claims.sub, "u");
    assert.deepEqual(claims.role, ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"]);
    assert.deepEqual(claims["webpubsub.group"], ["a", "b"]);
    assert.equal(claims.exp - claims.nbf, 300);
    const client = await RawClient.connect(`${server.wsEndpoint}/client/hubs/${hub.name}?access_token=${answer.json.token}`, { protocols: ["json.webpubsub.azure.v1"] });
    assert.equal((await client.connected()).userId, "u");
    assert.equal((await client.publish("a", "x")).success, true);
    assert.equal((await client.message()).group, "a");
    await client.close(1000);
  });

  for (const [what, query, target] of [
    ["an empty group", { group: "" }, "group"],
    ["a blank group", { group: ["a", " "] }, "group"],
    ["an unknown client type", { clientType: "carrier-pigeon" }, "clientType"],
    ["no minutes at all", { minutesToExpire: "0" }, undefined],
    ["negative minutes", { minutesToExpire: "-5" }, undefined],
    ["minutes as a word", { minutesToExpire: "five" }, undefined],
  ]) {
    test(`${what} gets 400`, async () => {
      const answer = await new Hub(server, server.hub()).call("POST", "/:generateToken", { query });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json.code, "Error.BadRequest");
      if (target) assert.equal(answer.json.target, target);
    });
  }
});

describe("api-version", () => {
  for (const apiVersion of [...SUPPORTED_VERSIONS, null]) {
    test(`${apiVersion ?? "none"} is accepted with every feature`, async () => {
      const hub = new Hub(server, server.hub());
      assert.equal((await hub.call("POST", "/:send", { ...TEXT, apiVersion, query: { filter: "1 eq 1", messageTtlSeconds: "5" } })).status, 202);
      assert.equal((await hub.call("GET", "/groups/g/connections", { apiVersion })).status, 200);
      assert.equal((await hub.call("POST", "/:addToGroups", { ...GROUPS, apiVersion })).status, 200);
    });
  }

  const REFUSAL = { code: "Error.BadRequest", message: "The specified API version is not supported.", target: "api-version" };
  for (const query of ["api-version=2019-01-01", "api-version=", "api-version=2024-12-01,2023-07-01", "api-version=2024-12-01&api-version=2024-12-01", "api-version=2024-12-01%20", "api-version=latest"]) {
    test(`${query} is refused before anything else`, async () => {
      const name = server.hub();
      const client = await RawClient.json(server, name);
      const path = `/api/hubs/${name}/:send`;
      for (const options of [{ ...TEXT, query }, { ...TEXT, query, token: null }, { query, token: "nonsense" }]) {
        const answer = await rest(server, "POST", path, options);
        assert.equal(answer.status, 400);
        assert.deepEqual(answer.json, REFUSAL);
        assert.equal(answer.headers["api-supported-versions"], SUPPORTED);
      }
      assert.equal((await rest(server, "POST", "/api/hubs/1bad/:send", { ...TEXT, query })).json.target, "api-version");
      await client.settled();
      assert.deepEqual(client.unseen, [], "nothing was sent");
      await client.close(1000);
    });
  }
});

describe("health", () => {
  test("needs no token and has no body", async () => {
    for (const apiVersion of ["2024-12-01", null]) {
      const answer = await rest(server, "HEAD", "/api/health", { token: null, apiVersion });
      assert.deepEqual([answer.status, answer.text, answer.headers["api-supported-versions"]], [200, "", SUPPORTED]);
    }
  });
});

describe("routes", () => {
  for (const [method, path] of [
    ["GET", "/api/hubs/h/nowhere"],
    ["POST", "/api/hubs/h/:sendAll"],
    ["POST", "/api/hubs/h/connections/c/:closeConnections"],
    ["HEAD", "/api/hubs/h/connections/c/permissions/sendToGroup"],
    ["GET", "/api/hubs"],
    ["GET", "/api/nowhere"],
    ["GET", "/nowhere"],
    ["GET", "/api/hubs/h/groups/g/connections/c/more"],
  ]) {
    test(`${method} ${path} is not found`, async () => {
      assert.equal((await rest(server, method, path)).status, 404);
    });
  }

  for (const [method, path] of [
    ["GET", "/api/hubs/h/:send"],
    ["PUT", "/api/hubs/h/:send"],
    ["POST", "/api/hubs/h/connections/c"],
    ["GET", "/api/hubs/h/users/u"],
    ["DELETE", "/api/hubs/h/groups/g"],
    ["POST", "/api/hubs/h/groups/g/connections/c"],
    ["POST", "/api/hubs/h/groups/g/connections"],
    ["PATCH", "/api/hubs/h/permissions/sendToGroup/connections/c"],
    ["GET", "/api/hubs/h/:generateToken"],
    ["POST", "/api/health"],
  ]) {
    test(`${method} ${path} is not allowed`, async () => {
      const answer = await rest(server, method, path);
      assert.equal(answer.status, 405, answer.text);
      assert.equal(answer.headers["api-supported-versions"], SUPPORTED);
    });
  }

  for (const path of ["/API/HUBS/h/:SEND", "/api/hubs/h/:send/", "/api/hubs/h/%3Asend", "/Api/Hubs/h/Users/u/:Send"]) {
    test(`${path} is the same as in lower case, without slash or escape`, async () => {
      assert.equal((await rest(server, "POST", path, TEXT)).status, 202);
    });
  }

  test("a trailing slash is tolerated on every kind of path", async () => {
    const hub = new Hub(server, server.hub());
    assert.equal((await hub.call("HEAD", "/users/none/")).errorCode, "Warning.User.NotExisted");
    assert.equal((await hub.call("GET", "/groups/g/connections/")).status, 200);
  });
});

describe("excluded", () => {
  test("is matched whole, repeated, never split at commas or trimmed", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const [one, two] = [await RawClient.json(server, name, { groups: ["g"] }), await RawClient.json(server, name, { groups: ["g"] })];
    const ids = [one.connectionId, two.connectionId];
    for (const path of ["", "/groups/g"]) {
      await hub.sendText(path, "comma", { excluded: ids.join(",") });
      await hub.sendText(path, "space", { excluded: ` ${ids[0]}` });
      await hub.sendText(path, "case", { excluded: ids[0].toUpperCase() === ids[0] ? "none" : ids[0].toUpperCase() });
      await hub.sendText(path, "empty", { excluded: "" });
      await hub.sendText(path, "first", { excluded: ["unknown", ids[0]] });
      await hub.sendText(path, "both", { excluded: ids });
      await hub.sendText(path, "end");
      const heard = async (client, count) => Promise.all(Array.from({ length: count }, async () => (await client.message()).data));
      assert.deepEqual(await heard(one, 5), ["comma", "space", "case", "empty", "end"]);
      assert.deepEqual(await heard(two, 6), ["comma", "space", "case", "empty", "first", "end"]);
    }
    await RawClient.closeAll(one, two);
  });
});
