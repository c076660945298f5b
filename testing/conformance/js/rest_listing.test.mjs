// Paging through a group, and the permissions of connections.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, nowSeconds, rest, signToken } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

async function crowd(count) {
  const name = server.hub("list");
  const clients = [];
  for (let n = 0; n < count; n += 1) clients.push(await RawClient.json(server, name, { groups: ["g"], ...(n % 2 ? { userId: `u${n}` } : {}) }));
  return { name, hub: new Hub(server, name), clients, ids: clients.map((client) => client.connectionId) };
}

const list = (hub, query) => hub.call("GET", "/groups/g/connections", { query });

/** Follows a link exactly as it was given. */
function follow(link) {
  const url = new URL(link);
  return rest(server, "GET", url.pathname, { query: url.search.slice(1) });
}

describe("listing a group", () => {
  test("shows every member once over pages, users as null where there is none", async () => {
    const { hub, clients, ids } = await crowd(5);
    let page = (await list(hub, { maxpagesize: "2" })).json;
    const seen = [...page.value];
    const sizes = [page.value.length];
    while (page.nextLink) {
      page = (await follow(page.nextLink)).json;
      seen.push(...page.value);
      sizes.push(page.value.length);
    }
    assert.deepEqual(sizes, [2, 2, 1]);
    assert.equal(page.nextLink, null);
    assert.deepEqual(new Set(seen.map((member) => member.connectionId)), new Set(ids));
    assert.deepEqual(seen.map((member) => Object.keys(member)), Array(5).fill(["connectionId", "userId"]));
    assert.equal(seen.filter((member) => member.userId === null).length, 3);
    await RawClient.closeAll(...clients);
  });

  test("is JSON with value and nextLink", async () => {
    const answer = await list(new Hub(server, server.hub()), {});
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^application\/json/);
    assert.deepEqual(answer.json, { value: [], nextLink: null });
  });

  test("the next link is absolute, as the client wrote the host, and safe to quote", async () => {
    const { name, hub, clients } = await crowd(3);
    const { nextLink } = (await list(hub, { maxpagesize: "1", top: "2" })).json;
    const url = new URL(nextLink);
    assert.equal(url.origin, server.endpoint);
    assert.equal(url.pathname, `/api/hubs/${name}/groups/g/connections`);
    assert.deepEqual([...url.searchParams.keys()].sort(), ["api-version", "continuationToken", "maxpagesize", "top"]);
    assert.deepEqual([url.searchParams.get("api-version"), url.searchParams.get("maxpagesize"), url.searchParams.get("top")], ["2024-12-01", "1", "1"]);
    assert.match(url.searchParams.get("continuationToken"), /^[A-Za-z0-9_-]+$/);
    const last = (await follow(nextLink)).json;
    assert.equal(last.value.length, 1);
    assert.equal(last.nextLink, null, "top is used up");
    await RawClient.closeAll(...clients);
  });

  test("one token signed for the path serves all pages", async () => {
    const { name, hub, clients } = await crowd(3);
    const token = signToken({ aud: `${server.endpoint}/api/hubs/${name}/groups/g/connections`, exp: nowSeconds() + 600 }, server.accessKey);
    const { nextLink } = (await list(hub, { maxpagesize: "1" })).json;
    const url = new URL(nextLink);
    assert.equal((await rest(server, "GET", url.pathname, { query: url.search.slice(1), token })).status, 200);
    await RawClient.closeAll(...clients);
  });

  test("is stable while members come and go", async () => {
    const { name, hub, clients } = await crowd(6);
    const first = (await list(hub, { maxpagesize: "3" })).json;
    const cursor = clients.find((client) => client.connectionId === first.value.at(-1).connectionId);
    await cursor.close(1000);
    const rest = (await follow(first.nextLink)).json;
    assert.equal(rest.value.length, 3);
    const seen = [...first.value, ...rest.value].map((member) => member.connectionId);
    assert.equal(new Set(seen).size, 6);
    assert.equal(name, hub.name);
    await RawClient.closeAll(...clients);
  });

  test("a continuation token works by itself and in any spelling of the hub", async () => {
    const { name, hub, clients } = await crowd(3);
    const first = (await list(hub, { maxpagesize: "2" })).json;
    const continuationToken = new URL(first.nextLink).searchParams.get("continuationToken");
    for (const spelled of [name, name.toUpperCase()]) {
      const page = (await list(new Hub(server, spelled), { continuationToken })).json;
      assert.equal(page.value.length, 1);
    }
    await RawClient.closeAll(...clients);
  });

  test("a continuation token of another group or hub, or a changed one, gets 400", async () => {
    const { hub, clients } = await crowd(3);
    const token = new URL((await list(hub, { maxpagesize: "1" })).json.nextLink).searchParams.get("continuationToken");
    const attempts = [
      hub.call("GET", "/groups/G/connections", { query: { continuationToken: token } }),
      list(new Hub(server, server.hub()), { continuationToken: token }),
      list(hub, { continuationToken: `${token}A` }),
      list(hub, { continuationToken: token.startsWith("A") ? `B${token.slice(1)}` : `A${token.slice(1)}` }),
      list(hub, { continuationToken: "nonsense" }),
      list(hub, { continuationToken: "x".repeat(2049) }),
    ];
    for (const attempt of attempts) {
      const answer = await attempt;
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json, { code: "Error.BadRequest", message: "Invalid continuationToken.", target: "continuationToken" });
    }
    await RawClient.closeAll(...clients);
  });

  const refused = [
    ...["0", "201", "-1", "two", "", " ", "1.5"].map((value) => ["maxpagesize", value]),
    ...["0", "-1", "2147483648", "two", "", " "].map((value) => ["top", value]),
    ["continuationToken", ""],
    ["continuationToken", " "],
    ["maxpagesize", ["1", "1"]],
    ["top", ["1", "1"]],
    ["continuationToken", ["a", "a"]],
  ];
  for (const [parameter, value] of refused) {
    test(`${parameter}=${JSON.stringify(value)} gets 400 that names the parameter`, async () => {
      const answer = await list(new Hub(server, server.hub()), { [parameter]: value });
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json, { code: "Error.BadRequest", message: `Invalid ${parameter}.`, target: parameter });
    });
  }

  test("the largest values are accepted", async () => {
    assert.equal((await list(new Hub(server, server.hub()), { maxpagesize: "200", top: "2147483647" })).status, 200);
  });

  test("a page holds 200 members unless told otherwise", async () => {
    const { hub, clients } = await crowd(201);
    const page = (await list(hub, {})).json;
    assert.equal(page.value.length, 200);
    assert.equal((await follow(page.nextLink)).json.value.length, 1);
    await RawClient.closeAll(...clients);
  });
});

describe("permissions over REST", () => {
  const GROUP = { query: { targetName: "g" } };
  async function stage(options) {
    const name = server.hub("permit");
    const client = await RawClient.json(server, name, { roles: [], ...options });
    const hub = new Hub(server, name);
    const on = (permission, targetName = "g") => [`/permissions/${permission}/connections/${client.connectionId}`, { query: { targetName } }];
    return {
      client,
      hub,
      grant: async (permission, target) => (await hub.call("PUT", ...on(permission, target))).status,
      revoke: async (permission, target) => (await hub.call("DELETE", ...on(permission, target))).status,
      check: async (permission, target) => (await hub.call("HEAD", ...on(permission, target))).status,
    };
  }

  for (const [permission, same] of [["sendToGroup", "SENDTOGROUP"], ["joinLeaveGroup", "joinleavegroup"], ["1", "sendToGroup"], ["2", "joinLeaveGroup"]]) {
    test(`${permission} is the same as ${same}`, async () => {
      const { client, grant, check } = await stage();
      assert.equal(await grant(permission), 200);
      assert.equal(await check(same), 200);
      await client.close(1000);
    });
  }

  for (const permission of ["0", "3", "-1", "send", "sendToGroup,joinLeaveGroup", "1,2", "%20"]) {
    test(`permission ${permission} gets 400`, async () => {
      const { client, hub } = await stage();
      for (const method of ["PUT", "DELETE", "HEAD"]) {
        assert.equal((await hub.call(method, `/permissions/${permission}/connections/${client.connectionId}`, GROUP)).status, 400);
      }
      await client.close(1000);
    });
  }

  for (const [what, query] of [["no target", {}], ["an empty target", { targetName: "" }], ["a blank target", { targetName: " " }], ["a target of 1025 characters", { targetName: "g".repeat(1025) }]]) {
    test(`${what} gets 400`, async () => {
      const { client, hub } = await stage();
      const answer = await hub.call("PUT", `/permissions/sendToGroup/connections/${client.connectionId}`, { query });
      assert.equal(answer.status, 400);
      assert.equal(answer.json.message, "Invalid group name.");
      await client.close(1000);
    });
  }

  test("a target is a literal name, stars included, and case-sensitive", async () => {
    const { client, grant, check } = await stage();
    assert.equal(await grant("sendToGroup", "room.*"), 200);
    assert.deepEqual([await check("sendToGroup", "room.*"), await check("sendToGroup", "room.1"), await check("sendToGroup", "Room.*")], [200, 404, 404]);
    assert.equal((await client.publish("room.1", "x")).success, false);
    await client.close(1000);
  });

  test("granting and revoking twice is granting and revoking once", async () => {
    const { client, grant, revoke, check } = await stage();
    assert.deepEqual([await grant("sendToGroup"), await grant("sendToGroup"), await check("sendToGroup")], [200, 200, 200]);
    assert.deepEqual([await revoke("sendToGroup"), await revoke("sendToGroup"), await check("sendToGroup")], [204, 204, 404]);
    await client.close(1000);
  });

  for (const roles of [["webpubsub.sendToGroup"], ["webpubsub.sendToGroups.*"], ["webpubsub.sendToGroups.**"]]) {
    test(`revoking one group overrides ${roles[0]} until it is granted again`, async () => {
      const { client, grant, revoke, check } = await stage({ roles });
      assert.equal(await check("sendToGroup"), 200);
      assert.equal(await revoke("sendToGroup"), 204);
      assert.deepEqual([await check("sendToGroup"), await check("sendToGroup", "other")], [404, 200]);
      assert.equal((await client.publish("g", "x")).error.name, "Forbidden");
      assert.equal((await client.publish("other", "x")).success, true);
      assert.equal(await grant("sendToGroup"), 200);
      assert.equal((await client.publish("g", "x")).success, true);
      await client.close(1000);
    });
  }

  test("revoking does not take a member out of its group", async () => {
    const { client, hub, revoke } = await stage({ roles: ["webpubsub.joinLeaveGroup"] });
    await client.join("g");
    assert.equal(await revoke("joinLeaveGroup"), 204);
    await hub.sendText("/groups/g", "still");
    assert.equal((await client.message()).data, "still");
    assert.equal((await client.leave("g")).error.name, "Forbidden");
    await client.close(1000);
  });

  test("the 1001st literal of a kind gets 409 and changes nothing", async () => {
    const { client, hub, grant, revoke, check } = await stage();
    for (let from = 0; from < 1000; from += 20) {
      const statuses = await Promise.all(Array.from({ length: 20 }, (_, n) => grant("sendToGroup", `g${from + n}`)));
      assert.deepEqual(new Set(statuses), new Set([200]));
    }
    const answer = await hub.call("PUT", `/permissions/sendToGroup/connections/${client.connectionId}`, { query: { targetName: "one more" } });
    assert.equal(answer.status, 409);
    assert.equal(answer.errorCode, "Error.Connection.Conflict");
    assert.equal(answer.json.code, "Error.Connection.Conflict");
    assert.equal(answer.json.message, `Connection \`${client.connectionId}\` has reached the limit of 1000 literal permissions for \`sendToGroup\`.`);
    assert.deepEqual([await check("sendToGroup", "one more"), await check("sendToGroup", "g999")], [404, 200]);
    assert.equal(await grant("sendToGroup", "g5"), 200, "what is granted already may be granted again");
    assert.equal(await grant("joinLeaveGroup", "one more"), 200, "the other kind has a limit of its own");
    assert.equal(await revoke("sendToGroup", "g0"), 204);
    assert.equal(await grant("sendToGroup", "one more"), 200);
    await client.close(1000);
  });
});
