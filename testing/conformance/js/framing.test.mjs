// WebSocket frames at the edge: sizes, fragments, broken rules, and how connections end.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BareSocket, OPCODE, encodeFrame } from "./support/bare_socket.mjs";
import { until } from "./support/deadline.mjs";
import { JSON_PROTOCOL, RELIABLE_PROTOCOL, RawClient } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const MIB = 1_048_576;
const TOO_LARGE = { code: 1009, reason: "The client message is too large." };
const SEND_TO_G = { roles: ["webpubsub.sendToGroup"], query: { webpubsub_mode: "sendToGroup", group: "g" } };

/** A JSON message of exactly this many bytes. */
function sized(bytes) {
  const empty = '{"type":"sendToGroup","group":"g","ackId":1,"dataType":"text","data":""}';
  return empty.replace('"data":""', `"data":"${"x".repeat(bytes - empty.length)}"`);
}

describe("the size of a message", () => {
  for (const protocol of ["json", "reliable"]) {
    test(`a ${protocol} message of exactly 1 MiB arrives whole`, async () => {
      const name = server.hub();
      const [sender, reader] = [await RawClient[protocol](server, name), await RawClient[protocol](server, name, { groups: ["g"] })];
      const text = sized(MIB);
      assert.equal(text.length, MIB);
      sender.sendText(text);
      assert.equal((await sender.ack(1)).success, true);
      assert.equal((await reader.message()).data, JSON.parse(text).data);
      await RawClient.closeAll(sender, reader);
    });

    test(`a ${protocol} message of one byte more closes with 1009`, async () => {
      const client = await RawClient[protocol](server, server.hub());
      client.sendText(sized(MIB + 1));
      assert.deepEqual(await client.closed(), TOO_LARGE);
      assert.equal((await client.disconnected()).message, TOO_LARGE.reason);
    });
  }

  test("a simple client has the same limit", async () => {
    const name = server.hub();
    const reader = await RawClient.simple(server, name, { groups: ["g"] });
    const sender = await RawClient.simple(server, name, SEND_TO_G);
    sender.sendBinary(Buffer.alloc(MIB, 7));
    assert.equal((await reader.next()).data.length, MIB);
    sender.sendBinary(Buffer.alloc(MIB + 1));
    assert.deepEqual(await sender.closed(), TOO_LARGE);
    assert.deepEqual(sender.frames, []);
    await reader.close(1000);
  });

  test("fragments count together", async () => {
    const client = await RawClient.json(server, server.hub());
    for (let part = 0; part < 5; part += 1) client.socket.send(Buffer.alloc(MIB / 4, 0x20), { binary: false, fin: false });
    assert.deepEqual(await client.closed(), TOO_LARGE);
  });

  test("a length that is only announced is refused before it arrives", async () => {
    const bare = await BareSocket.open(clientUrl(server, server.hub()));
    bare.sendBytes(Buffer.from([0x82, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0, 1, 2, 3, 4]));
    assert.deepEqual(await bare.closeFrame(), TOO_LARGE);
    bare.destroy();
  });
});

describe("fragments", () => {
  test("make one message, with control frames between them answered at once", async () => {
    const name = server.hub();
    const reader = await RawClient.json(server, name, { groups: ["g"] });
    const bare = await BareSocket.open(clientUrl(server, name, { roles: ["webpubsub.sendToGroup"] }), JSON_PROTOCOL);
    const text = Buffer.from('{"type":"sendToGroup","group":"g","ackId":1,"dataType":"text","data":"hé"}');
    const split = text.indexOf(0xc3) + 1;
    bare.send(OPCODE.text, text.subarray(0, 10), { fin: false });
    bare.send(OPCODE.ping, "between");
    const pong = await bare.frame((frame) => frame.opcode === OPCODE.pong, "the pong");
    assert.equal(pong.payload.toString(), "between");
    bare.send(OPCODE.continuation, text.subarray(10, split), { fin: false });
    bare.send(OPCODE.pong, "unasked");
    bare.send(OPCODE.continuation, "", { fin: false });
    bare.send(OPCODE.continuation, text.subarray(split));
    const ack = await bare.frame((frame) => frame.opcode === OPCODE.text && frame.payload.includes('"ack"'), "the ack");
    assert.equal(ack.payload.toString(), '{"type":"ack","ackId":1,"success":true}');
    assert.equal((await reader.message()).data, "hé", "a character may be split between frames");
    bare.destroy();
    await reader.close(1000);
  });

  test("arrive one byte at a time and still make a message", async () => {
    const bare = await BareSocket.open(clientUrl(server, server.hub()), JSON_PROTOCOL);
    for (const byte of encodeFrame(OPCODE.text, '{"type":"ping"}')) bare.sendBytes(Buffer.from([byte]));
    const pong = await bare.frame((frame) => frame.payload.includes("pong"), "the pong");
    assert.equal(pong.payload.toString(), '{"type":"pong"}');
    bare.destroy();
  });

  test("many frames in one write are all served", async () => {
    const bare = await BareSocket.open(clientUrl(server, server.hub()), JSON_PROTOCOL);
    bare.sendBytes(Buffer.concat(Array.from({ length: 500 }, () => encodeFrame(OPCODE.text, '{"type":"ping"}'))));
    for (let n = 0; n < 500; n += 1) await bare.frame((frame) => frame.payload.includes("pong"), `pong ${n}`);
    bare.destroy();
  });
});

describe("what the server sends", () => {
  test("is whole and never masked", async () => {
    const bare = await BareSocket.open(clientUrl(server, server.hub()), JSON_PROTOCOL);
    const { fin, masked, rsv, opcode } = await bare.frame();
    assert.deepEqual({ fin, masked, rsv, opcode }, { fin: true, masked: false, rsv: 0, opcode: OPCODE.text });
    bare.destroy();
  });

  test("a ping comes back as a pong with its payload", async () => {
    const client = await RawClient.json(server, server.hub());
    for (const payload of ["", "p".repeat(125)]) client.socket.ping(payload);
    await until(() => client.pongs.length === 2, "two pongs");
    assert.deepEqual(client.pongs, ["", "p".repeat(125)]);
    await client.close(1000);
  });
});

describe("a broken rule of the WebSocket protocol closes with 1002", () => {
  const INVALID_FRAME = { code: 1002, reason: "The client frame is invalid." };
  const broken = {
    "an unmasked frame": (bare) => bare.send(OPCODE.text, '{"type":"ping"}', { masked: false }),
    "a new message inside a fragmented one": (bare) => {
      bare.send(OPCODE.text, "{", { fin: false });
      bare.send(OPCODE.text, "}");
    },
    "another type inside a fragmented message": (bare) => {
      bare.send(OPCODE.text, "{", { fin: false });
      bare.send(OPCODE.binary, "}");
    },
    "a continuation of nothing": (bare) => bare.send(OPCODE.continuation, "x"),
    "a reserved bit": (bare) => bare.send(OPCODE.text, "x", { rsv: 4 }),
    "a reserved opcode": (bare) => bare.send(3, "x"),
    "a reserved control opcode": (bare) => bare.send(11, "x"),
    "a ping of 126 bytes": (bare) => bare.send(OPCODE.ping, "x".repeat(126)),
    "a fragmented ping": (bare) => bare.send(OPCODE.ping, "x", { fin: false }),
    "a close frame of one byte": (bare) => bare.send(OPCODE.close, "x"),
    "a close code that may not be sent": (bare) => bare.send(OPCODE.close, Buffer.from([1005 >> 8, 1005 & 255])),
  };
  for (const [what, send] of Object.entries(broken)) {
    for (const protocol of [undefined, JSON_PROTOCOL]) {
      test(`${what}, ${protocol ? "JSON" : "simple"} client`, async () => {
        const bare = await BareSocket.open(clientUrl(server, server.hub()), protocol);
        send(bare);
        assert.deepEqual(await bare.closeFrame(), INVALID_FRAME);
        bare.destroy();
      });
    }
  }
});

describe("text that is not UTF-8 closes with 1007", () => {
  for (const [what, protocol, options] of [["simple client", undefined, SEND_TO_G], ["JSON client", JSON_PROTOCOL, {}], ["reliable client", RELIABLE_PROTOCOL, {}]]) {
    test(what, async () => {
      const bare = await BareSocket.open(clientUrl(server, server.hub(), options), protocol);
      bare.send(OPCODE.text, Buffer.from([0x22, 0xc3, 0x28, 0x22]));
      assert.equal((await bare.closeFrame()).code, 1007);
      bare.destroy();
    });
  }
});

test("a binary frame that holds no JSON closes a JSON client and says so first", async () => {
  const client = await RawClient.json(server, server.hub());
  client.sendBinary(Buffer.from([0xff, 0xfe, 0]));
  const reason = "The JSON subprotocol requires text messages.";
  assert.deepEqual(await client.closed(), { code: 1003, reason });
  assert.equal((await client.disconnected()).message, reason);
});

describe("the client's close frame", () => {
  for (const protocol of ["simple", "json", "reliable"]) {
    for (const [code, reason] of [[1000, ""], [1000, "bye"], [1001, ""], [1011, "trouble"], [3000, "library"], [4999, "application"]]) {
      test(`${code} "${reason}" of a ${protocol} client comes back`, async () => {
        const client = await RawClient[protocol](server, server.hub());
        assert.deepEqual(await client.close(code, reason), { code, reason });
      });
    }

    test(`without a code of a ${protocol} client comes back without one`, async () => {
      const client = await RawClient[protocol](server, server.hub());
      assert.equal((await client.close()).code, 1005);
    });
  }

  test("ends the TCP connection from the server's side", async () => {
    const bare = await BareSocket.open(clientUrl(server, server.hub()));
    bare.send(OPCODE.close, Buffer.from([1000 >> 8, 1000 & 255]));
    assert.deepEqual(await bare.closeFrame(), { code: 1000, reason: "" });
    await bare.ended();
  });

  test("nothing that follows it has an effect", async () => {
    const name = server.hub();
    const reader = await RawClient.json(server, name, { groups: ["g"] });
    const bare = await BareSocket.open(clientUrl(server, name, { roles: ["webpubsub.sendToGroup"] }), JSON_PROTOCOL);
    bare.sendBytes(Buffer.concat([encodeFrame(OPCODE.close, Buffer.from([1000 >> 8, 1000 & 255])), encodeFrame(OPCODE.text, '{"type":"sendToGroup","group":"g","data":"late"}')]));
    await bare.closeFrame();
    await new Hub(server, name).sendText("/groups/g", "marker");
    assert.equal((await reader.message()).data, "marker");
    bare.destroy();
    await reader.close(1000);
  });
});

describe("after a connection has ended", () => {
  test("by an end that comes in one piece with a last message, the message counts and the connection is gone at once", async () => {
    const name = server.hub();
    const hub = new Hub(server, name);
    const reader = await RawClient.json(server, name, { groups: ["g"] });
    const bare = await BareSocket.open(clientUrl(server, name, { userId: "u", roles: ["webpubsub.sendToGroup"] }), JSON_PROTOCOL);
    bare.end(encodeFrame(OPCODE.text, '{"type":"sendToGroup","group":"g","data":"last words"}'));
    assert.equal((await reader.message()).data, "last words");
    await until(async () => !(await hub.exists("/users/u")), "the user to be gone");
    await reader.close(1000);
  });

  const endings = {
    "by close frame": (client) => client.close(1000),
    "by a cut of the socket": (client) => client.cut(),
  };
  for (const [what, end] of Object.entries(endings)) {
    test(`${what}, user, group and connection are gone at once for plain clients`, async () => {
      const name = server.hub();
      const client = await RawClient.json(server, name, { userId: "u", groups: ["g"] });
      const hub = new Hub(server, name);
      await end(client);
      await until(async () => !(await hub.exists(`/connections/${client.connectionId}`)), "the connection to be gone");
      assert.deepEqual([await hub.exists("/users/u"), await hub.exists("/groups/g")], [false, false]);
    });
  }
});
