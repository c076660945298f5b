// The JSON subprotocol frame by frame.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { ALL_ROLES, RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { isDurable, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const INVALID = { code: 1007, reason: "The client message is not a valid JSON protocol message." };

describe("the connected message", () => {
  test("is the first, on one line, with the user as null when there is none", async () => {
    const client = await RawClient.json(server, server.hub());
    const { text, json } = client.frames[0];
    assert.deepEqual(json, { type: "system", event: "connected", userId: null, connectionId: client.connectionId });
    assert.equal(text, JSON.stringify(json));
    await client.close(1000);
  });

  test("names the user, also an unusual one", async () => {
    const client = await RawClient.json(server, server.hub(), { userId: 'quo"te\\ü\u0001' });
    assert.equal(client.connectedMessage.userId, 'quo"te\\ü\u0001');
    await client.close(1000);
  });
});

describe("acks", () => {
  test("a success has no error member", async () => {
    const client = await RawClient.json(server, server.hub());
    client.sendText('{"type":"joinGroup","group":"g","ackId":1}');
    assert.equal((await client.next()).text, '{"type":"ack","ackId":1,"success":true}');
    await client.close(1000);
  });

  test("without an ack id nothing is answered, not even an error", async () => {
    const client = await RawClient.json(server, server.hub(), { roles: [] });
    client.send({ type: "joinGroup", group: "g" });
    client.send({ type: "leaveGroup", group: "g" });
    client.send({ type: "sendToGroup", group: "g", data: 1 });
    client.send({ type: "event", event: "e", data: 1 });
    client.send({ type: "joinGroup", group: "g", ackId: null });
    await client.settled();
    assert.deepEqual(client.unseen, []);
    await client.close(1000);
  });

  for (const id of ["0", "1", "9007199254740993", "18446744073709551615"]) {
    test(`ack id ${id} comes back digit for digit, and a second use is a duplicate`, async () => {
      const client = await RawClient.json(server, server.hub());
      client.sendText(`{"type":"joinGroup","group":"g","ackId":${id}}`);
      assert.equal((await client.next()).text, `{"type":"ack","ackId":${id},"success":true}`);
      client.sendText(`{"type":"joinGroup","group":"g","ackId":${id}}`);
      assert.equal((await client.next()).text, `{"type":"ack","ackId":${id},"success":false,"error":{"name":"Duplicate","message":"Message with ack-id: ${id} has been processed"}}`);
      await client.close(1000);
    });
  }

  test("a duplicate id does nothing, across kinds of requests", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).success, true);
    assert.equal((await client.request({ type: "leaveGroup", group: "g", ackId: 5 })).error.name, "Duplicate");
    assert.equal((await client.request({ type: "sendToGroup", group: "g", data: 1, ackId: 5 })).error.name, "Duplicate");
    assert.equal((await client.request({ type: "event", event: "e", data: 1, ackId: 5 })).error.name, "Duplicate");
    assert.equal(await new Hub(server, name).exists("/groups/g"), true);
    assert.deepEqual(client.unseen.filter((frame) => frame.json.type === "message"), []);
    await client.close(1000);
  });

  test("a duplicate is found before the permission is looked at", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).success, true);
    assert.equal((await new Hub(server, name).call("DELETE", `/permissions/joinLeaveGroup/connections/${client.connectionId}`, { query: { targetName: "g" } })).status, 204);
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).error.name, "Duplicate");
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 6 })).error.name, "Forbidden");
    await client.close(1000);
  });

  test("a failed request may use its id again", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name, { roles: [] });
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).error.name, "Forbidden");
    assert.equal((await client.request({ type: "event", event: "e", data: 1, ackId: 5 })).error.name, "InternalServerError");
    assert.equal((await client.request({ type: "event", event: "e", data: 1, ackId: 5 })).error.name, "InternalServerError");
    await new Hub(server, name).call("PUT", `/permissions/joinLeaveGroup/connections/${client.connectionId}`, { query: { targetName: "g" } });
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).success, true);
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 5 })).error.name, "Duplicate");
    await client.close(1000);
  });

  test("the last 1,000 successful ids are remembered, first in first out", async () => {
    const client = await RawClient.json(server, server.hub());
    for (let id = 1; id <= 1000; id += 1) client.send({ type: "joinGroup", group: "g", ackId: id });
    await client.settled();
    for (const id of [1, 3]) assert.equal((await client.ack(id)).success, true);
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 1 })).error?.name, "Duplicate");
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 1001 })).success, true);
    // A log knows what was stored in the last two minutes.
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 1 })).success, !isDurable, "id 1 was forgotten");
    assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 3 })).success === false, true, "id 3 is still known");
    await client.close(1000);
  });

  test("ids belong to one connection", async () => {
    const hub = server.hub();
    const [one, two] = [await RawClient.json(server, hub), await RawClient.json(server, hub)];
    for (const client of [one, two]) assert.equal((await client.request({ type: "joinGroup", group: "g", ackId: 1 })).success, true);
    await RawClient.closeAll(one, two);
  });

  test("a member gets its own message before the ack", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    client.send({ type: "sendToGroup", group: "g", data: 1, ackId: 1 });
    assert.deepEqual([(await client.next()).json.type, (await client.next()).json.type], ["message", "ack"]);
    await client.close(1000);
  });

  test("joining, leaving and sending succeed whatever exists", async () => {
    const client = await RawClient.json(server, server.hub());
    for (const type of ["leaveGroup", "joinGroup", "joinGroup", "leaveGroup", "leaveGroup"]) assert.equal((await client.request({ type, group: "g" })).success, true);
    assert.equal((await client.publish("nobody", "x")).success, true);
    await client.close(1000);
  });
});

describe("messages between clients", () => {
  test("carry group, sender and payload in this order of members", async () => {
    const client = await RawClient.json(server, server.hub(), { userId: "me", groups: ["g"] });
    client.sendText('{"type":"sendToGroup","group":"g","dataType":"json","data":{"b" : 1.50, "a":[1,2 ]}}');
    assert.equal((await client.next()).text, '{"type":"message","from":"group","group":"g","fromUserId":"me","dataType":"json","data":{"b" : 1.50, "a":[1,2 ]}}');
    await client.close(1000);
  });

  test("an anonymous sender is null", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    client.send({ type: "sendToGroup", group: "g", dataType: "text", data: "x" });
    assert.equal((await client.next()).text, '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"text","data":"x"}');
    await client.close(1000);
  });

  test("JSON keeps spelling, spacing and every digit", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    for (const data of ["1.0", "1e400", "123456789012345678901234567890", "-0", '"\\u0041\\/"', "true", "[ ]", '{"a":1,"a":2}', '{ "x" :\t1 }']) {
      client.sendText(`{"type":"sendToGroup","group":"g","data":${data}}`);
      assert.equal((await client.next()).text, `{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"json","data":${data}}`);
    }
    await client.close(1000);
  });

  test("what is valid though unusual is accepted", async () => {
    const client = await RawClient.json(server, server.hub(), { groups: ["g"] });
    const accepted = [
      '{"data":"x","dataType":"text","ackId":ID,"group":"g","type":"sendToGroup"}',
      '{"type":"SENDTOGROUP","group":"g","dataType":"Text","data":"x","ackId":ID}',
      '{"type":"sendToGroup","group":"g","dataType":"JSON","data":"x","ackId":ID}',
      '{"type":"sendToGroup","group":"g","dataType":"Binary","data":"","ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":false,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"unknown":{"deep":[1]},"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"noEcho":false,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"ttlSeconds":null,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"ttlSeconds":0,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"ttlSeconds":300,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","data":0,"metadata":null,"ackId":ID}',
      '{"type":"sendToGroup","group":"g","metadata":{},"ackId":ID}',
      ' \n{"type":"sendToGroup","group":"g","data":0,"ackId":ID} ',
      `{"type":"sendToGroup","group":"${"g".repeat(1024)}","data":0,"ackId":ID}`,
      '{"type":"joinGroup","group":" room ","ackId":ID}',
      '{"type":"joinGroup","group":"first","group":"g","ackId":ID}',
    ];
    let ackId = 0;
    for (const text of accepted) {
      ackId += 1;
      client.sendText(text.replace("ID", ackId));
      assert.equal((await client.ack(ackId)).success, true, text.slice(0, 120));
    }
    await client.close(1000);
  });

  test("spaces at the ends of a group name count", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    await client.join(" room ");
    const hub = new Hub(server, name);
    assert.deepEqual([await hub.exists("/groups/%20room%20"), await hub.exists("/groups/room")], [true, false]);
    await client.close(1000);
  });

  test("event names are free in case and may be 128 characters long", async () => {
    const client = await RawClient.json(server, server.hub());
    for (const event of ["message", "Order", "a", "a.b_c-9", "e".repeat(128)]) {
      assert.equal((await client.request({ type: "event", event, data: 1 })).error.name, "InternalServerError");
    }
    await client.close(1000);
  });

  test("JSON in a binary frame is accepted", async () => {
    const client = await RawClient.json(server, server.hub());
    client.sendBinary(Buffer.from('{"type":"joinGroup","group":"g","ackId":1}'));
    assert.equal((await client.ack(1)).success, true);
    await client.close(1000);
  });

  test("a sequence ack means nothing here and is ignored", async () => {
    const client = await RawClient.json(server, server.hub());
    client.send({ type: "sequenceAck", sequenceId: 5 });
    await client.settled();
    await client.close(1000);
  });

  test("a ping is answered with a pong and nothing more", async () => {
    const client = await RawClient.json(server, server.hub());
    client.send({ type: "ping" });
    assert.equal((await client.next()).text, '{"type":"pong"}');
    await client.close(1000);
  });
});

describe("an invalid message closes with 1007 after saying so", () => {
  const send = (more) => `{"type":"sendToGroup","group":"g",${more}}`;
  const metadata = (value) => send(`"data":1,"metadata":${typeof value === "string" ? value : JSON.stringify(value)}`);
  const invalid = {
    "no JSON": "hello",
    "an empty message": "",
    "half an object": '{"type":"ping"',
    "two objects": '{"type":"ping"}{"type":"ping"}',
    "an array": "[]",
    "a number": "1",
    "null": "null",
    "a string": '"ping"',
    "no type": "{}",
    "a type that is no string": '{"type":1}',
    "an unknown type": '{"type":"shout"}',
    "a join without group": '{"type":"joinGroup"}',
    "a leave without group": '{"type":"leaveGroup","ackId":1}',
    "a send without group": '{"type":"sendToGroup","data":1}',
    "an empty group": '{"type":"joinGroup","group":""}',
    "a blank group": '{"type":"joinGroup","group":" \\t"}',
    "a group that is null": '{"type":"joinGroup","group":null}',
    "a group that is a number": '{"type":"joinGroup","group":1}',
    "a group of 1025 characters": `{"type":"joinGroup","group":"${"g".repeat(1025)}"}`,
    "an event without name": '{"type":"event","data":1}',
    "an event with an empty name": '{"type":"event","event":"","data":1}',
    "an event name that starts with a digit": '{"type":"event","event":"1a","data":1}',
    "an event name with a space": '{"type":"event","event":"a b","data":1}',
    "an event name of 129 characters": `{"type":"event","event":"${"e".repeat(129)}","data":1}`,
    "an event without data": '{"type":"event","event":"e"}',
    "no data": send('"dataType":"text"'),
    "data that is null": send('"data":null'),
    "text data that is null": send('"dataType":"text","data":null'),
    "binary data that is null": send('"dataType":"binary","data":null'),
    "data null beside metadata": send('"data":null,"metadata":{}'),
    "a data type that is null": send('"dataType":null,"data":1'),
    "an unknown data type": send('"dataType":"xml","data":"x"'),
    "text that is a number": send('"dataType":"text","data":1'),
    "text that is an object": send('"dataType":"text","data":{}'),
    "binary that is no string": send('"dataType":"binary","data":[1]'),
    "binary that is no base64": send('"dataType":"binary","data":"*"'),
    "binary that is cut off base64": send('"dataType":"binary","data":"AAA"'),
    "noEcho null": send('"data":1,"noEcho":null'),
    "noEcho as text": send('"data":1,"noEcho":"true"'),
    "noEcho as number": send('"data":1,"noEcho":1'),
    "a time to live of -1": send('"data":1,"ttlSeconds":-1'),
    "a time to live of 301": send('"data":1,"ttlSeconds":301'),
    "half a second to live": send('"data":1,"ttlSeconds":1.5'),
    "a time to live as text": send('"data":1,"ttlSeconds":"5"'),
    "an ack id as text": send('"data":1,"ackId":"1"'),
    "a negative ack id": send('"data":1,"ackId":-1'),
    "a fraction as ack id": send('"data":1,"ackId":1.5'),
    "an ack id above 64 bits": send('"data":1,"ackId":18446744073709551616'),
    "a bad ack id on a ping": '{"type":"ping","ackId":"1"}',
    "a sequence ack without id": '{"type":"sequenceAck"}',
    "a sequence ack of null": '{"type":"sequenceAck","sequenceId":null}',
    "a negative sequence ack": '{"type":"sequenceAck","sequenceId":-1}',
    "metadata that is a list": metadata("[]"),
    "metadata that is text": metadata('"a"'),
    "a metadata value that is a number": metadata('{"a":1}'),
    "a metadata value that is null": metadata('{"a":null}'),
    "an empty metadata key": metadata('{"":"x"}'),
    "a metadata key with a space": metadata('{"a b":"x"}'),
    "a metadata key twice": metadata('{"a":"x","a":"y"}'),
    "a metadata value outside ASCII": metadata({ a: "ü" }),
    "a metadata key of 257 bytes": metadata({ ["k".repeat(257)]: "x" }),
    "a metadata value of 1025 bytes": metadata({ k: "v".repeat(1025) }),
    "metadata of more than 8192 bytes": metadata(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, "v".repeat(1000)]))),
    "nesting deeper than 64": send(`"data":${"[".repeat(70)}${"]".repeat(70)}`),
    "nesting of a hundred thousand": send(`"data":${"[".repeat(100_000)}`),
    "a lone surrogate": send('"dataType":"text","data":"\\ud800"'),
    "a control character in text": send('"dataType":"text","data":"\u0001"'),
  };
  for (const [what, text] of Object.entries(invalid)) {
    test(what, async () => {
      const client = await RawClient.json(server, server.hub());
      client.sendText(text);
      assert.deepEqual(await client.closed(), INVALID);
      assert.deepEqual(await client.disconnected(), { type: "system", event: "disconnected", message: INVALID.reason });
    });
  }

  test("and ends the connection for everybody", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name, { userId: "u", groups: ["g"] });
    client.sendText("nonsense");
    await client.closed();
    const hub = new Hub(server, name);
    await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the connection to be gone");
    assert.deepEqual([await hub.exists("/users/u"), await hub.exists("/groups/g")], [false, false]);
  });

  test("a message before it still counts, one after it does not", async () => {
    const name = server.hub();
    const reader = await RawClient.json(server, name, { groups: ["g"] });
    const client = await RawClient.json(server, name);
    client.send({ type: "sendToGroup", group: "g", data: "before" });
    client.sendText("nonsense");
    client.send({ type: "sendToGroup", group: "g", data: "after" });
    await client.closed();
    assert.equal((await reader.message()).data, "before");
    await new Hub(server, name).sendText("/groups/g", "marker");
    assert.equal((await reader.message()).data, "marker");
    await reader.close(1000);
  });
});

describe("roles", () => {
  const JOIN = "webpubsub.joinLeaveGroup";
  const cases = [
    [[JOIN], ["a", "a.b", "*"], []],
    [[`${JOIN}.a`], ["a"], ["b", "a.b", "A"]],
    [[`${JOIN}.a.b`], ["a.b"], ["a", "a.b.c"]],
    [[`${JOIN}.*`], ["*"], ["a"]],
    [[`${JOIN}s.chat-*`], ["chat-1", "chat-"], ["chat.1", "xchat-1", "chat-1.2", "Chat-1"]],
    [[`${JOIN}s.ab*`], ["ab", "abc"], ["a", "ab.c"]],
    [[`${JOIN}s.a.*`], ["a.b", "a."], ["a.b.c", "a"]],
    [[`${JOIN}s.a.**`], ["a.b", "a.b.c", "a."], ["b.x", "a"]],
    [[`${JOIN}s.a.**.b`], ["a..b", "a.x.b", "a.x.y.b"], ["a.b", "a.x.c"]],
    [[`${JOIN}s.r.?1`], ["r.a1"], ["r.1", "r.a.1", "r..1", "r.ab1"]],
    [[`${JOIN}s.**`], ["a", "a.b", "x y"], []],
    [[`${JOIN}s.*`], ["a", "x y"], ["a.b"]],
    [[`${JOIN}s.x\\*y`], ["x*y"], ["xzy", "x\\*y"]],
    [[`${JOIN}s.q\\?`], ["q?"], ["qa"]],
    [[`${JOIN}s.plain`], ["plain"], ["other"]],
    [[`${JOIN}s.a\\b*`], [], ["a\\bc", "abc"]],
    [[`${JOIN}s.`], [], ["a", ""].filter(Boolean)],
    [[`${JOIN}s.******`], [], ["a"]],
    [[`${JOIN}s.${"g".repeat(1025)}`], [], ["a"]],
    [["webpubsub.JoinLeaveGroup", "WEBPUBSUB.joinLeaveGroup", "joinLeaveGroup", "webpubsub"], [], ["a"]],
    [["webpubsub.sendToGroup"], [], ["a"]],
    [[`${JOIN}.a`, `${JOIN}s.b*`, "nonsense"], ["a", "b1"], ["c"]],
    [[], [], ["a"]],
  ];
  for (const [roles, allowed, denied] of cases) {
    test(`${roles.map((role) => role.slice(0, 60)).join(" and ") || "no role"}`, async () => {
      const client = await RawClient.json(server, server.hub(), { roles });
      for (const group of allowed) assert.equal((await client.join(group)).success, true, `may join ${group}`);
      for (const group of denied) {
        const ack = await client.join(group);
        assert.deepEqual(ack.error, { name: "Forbidden", message: `The client does not have permission to join group '${group}'.` });
      }
      await client.close(1000);
    });
  }

  test("sending has roles of its own", async () => {
    const client = await RawClient.json(server, server.hub(), { roles: ["webpubsub.sendToGroups.room.*", "webpubsub.sendToGroup.literal.*"] });
    assert.equal((await client.publish("room.1", "x")).success, true);
    assert.equal((await client.publish("literal.*", "x")).success, true);
    assert.deepEqual((await client.publish("literal.1", "x")).error, { name: "Forbidden", message: "The client does not have permission to send to group 'literal.1'." });
    assert.deepEqual((await client.leave("room.1")).error, { name: "Forbidden", message: "The client does not have permission to leave group 'room.1'." });
    await client.close(1000);
  });

  test("the long role claim counts as well", async () => {
    const client = await RawClient.json(server, server.hub(), { roles: [], claims: { "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ALL_ROLES } });
    // `role: []` and the long name may stand side by side: every value counts.
    assert.equal((await client.join("g")).success, true);
    await client.close(1000);
  });

  test("groups of the token need no role", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name, { roles: [], groups: ["g"] });
    await new Hub(server, name).sendText("/groups/g", "x");
    assert.equal((await client.message()).data, "x");
    await client.close(1000);
  });
});
