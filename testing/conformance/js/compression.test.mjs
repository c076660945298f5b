// permessage-deflate, where the service is told to offer it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { BareSocket, OPCODE } from "./support/bare_socket.mjs";
import { PROTOBUF_PROTOCOL, ProtobufClient, RELIABLE_PROTOBUF_PROTOCOL } from "./support/protobuf_client.mjs";
import { ALL_ROLES, JSON_PROTOCOL, RELIABLE_PROTOCOL, RawClient, recoveryUrl } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { RealtimeClient } from "./support/sdk.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

const TEXT = "All of this is said again and again. ".repeat(200);

const folder = mkdtempSync(join(tmpdir(), "hubwire-compression-"));
let server;
before(async () => {
  const file = join(folder, "hubwire.toml");
  writeFileSync(file, "compression = true\n");
  server = await startServer({ args: ["--workers", "2", "--config", file] });
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const compressed = { compression: true, groups: ["g"] };

/** What comes over a client's socket while something happens. */
async function wireBytes(raw, happens) {
  const before = raw.wireBytes;
  await happens();
  return raw.wireBytes - before;
}

describe("a client that asks for compression", () => {
  const clients = {
    [JSON_PROTOCOL]: async (hub) => {
      const client = await RawClient.json(server, hub, compressed);
      return { raw: client, receive: async () => (await client.message()).data };
    },
    [RELIABLE_PROTOCOL]: async (hub) => {
      const client = await RawClient.reliable(server, hub, compressed);
      return { raw: client, receive: async () => (await client.message()).data };
    },
    [PROTOBUF_PROTOCOL]: async (hub) => {
      const client = await ProtobufClient.open(server, hub, compressed);
      return { raw: client.raw, receive: async () => (await client.data()).data.text_data };
    },
    [RELIABLE_PROTOBUF_PROTOCOL]: async (hub) => {
      const client = await ProtobufClient.reliable(server, hub, compressed);
      return { raw: client.raw, receive: async () => (await client.data()).data.text_data };
    },
    "no subprotocol": async (hub) => {
      const raw = await RawClient.connect(clientUrl(server, hub, { groups: ["g"] }), { compression: true });
      return { raw, receive: async () => (await raw.next()).text };
    },
  };
  for (const [protocol, open] of Object.entries(clients)) {
    test(`gets what was published in fewer bytes, beside one that does not ask: ${protocol}`, async () => {
      const hub = server.hub();
      const [{ raw, receive }, plain] = [await open(hub), await RawClient.json(server, hub, { groups: ["g"] })];
      assert.match(raw.upgradeHeaders["sec-websocket-extensions"], /^permessage-deflate; server_no_context_takeover; client_no_context_takeover$/);
      for (let n = 0; n < 3; n += 1) {
        const bytes = await wireBytes(raw, async () => {
          await new Hub(server, hub).sendText("/groups/g", `${n} ${TEXT}`);
          assert.equal(await receive(), `${n} ${TEXT}`);
        });
        assert.ok(bytes < TEXT.length / 10, `${bytes} bytes on the wire`);
        assert.equal((await plain.message()).data, `${n} ${TEXT}`);
      }
      await new Hub(server, hub).sendText("/groups/g", "short");
      assert.equal(await receive(), "short");
      await RawClient.closeAll(raw, plain);
    });
  }

  test("sends compressed messages, whole and in pieces", async () => {
    const hub = server.hub();
    const client = await RawClient.json(server, hub, compressed);
    assert.equal((await client.publish("g", TEXT, { dataType: "text" })).success, true);
    assert.equal((await client.message()).data, TEXT);
    const bare = await BareSocket.open(clientUrl(server, hub, { roles: ALL_ROLES }), JSON_PROTOCOL, "permessage-deflate");
    const request = deflateRawSync(JSON.stringify({ type: "sendToGroup", group: "g", dataType: "text", data: TEXT }), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    bare.send(OPCODE.text, request.subarray(0, 20), { fin: false, rsv: 4 });
    bare.send(OPCODE.ping, "in between");
    bare.send(OPCODE.continuation, request.subarray(20));
    assert.equal((await client.message()).data, TEXT);
    bare.destroy();
    await client.close(1000);
  });

  ofOneProcess(test)("recovers a session without compression, and with it again", async () => {
    const hub = server.hub();
    const client = await RawClient.reliable(server, hub, compressed);
    await new Hub(server, hub).sendText("/groups/g", TEXT);
    assert.equal((await client.message()).sequenceId, 1);
    client.cut();
    await client.closed();
    await new Hub(server, hub).sendText("/groups/g", TEXT);
    let url = recoveryUrl(server, hub, client.connectionId, client.reconnectionToken);
    for (const compression of [false, true]) {
      const recovered = await RawClient.connect(url, { protocols: [RELIABLE_PROTOCOL], compression });
      assert.equal(recovered.upgradeHeaders["sec-websocket-extensions"] !== undefined, compression);
      for (const sequenceId of [1, 2]) {
        const message = await recovered.message();
        assert.deepEqual([message.sequenceId, message.data], [sequenceId, TEXT]);
      }
      recovered.cut();
      await recovered.closed();
    }
  });

  test("is refused what is too large when it is inflated, and what is not deflated at all", async () => {
    const cases = [
      [deflateRawSync(Buffer.alloc(64 << 20), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), { code: 1009, reason: "The client message is too large." }],
      [Buffer.from([0xff, 0xff, 0xff]), { code: 1002, reason: "The client frame is invalid." }],
    ];
    for (const [payload, ending] of cases) {
      const bare = await BareSocket.open(clientUrl(server, server.hub()), JSON_PROTOCOL, "permessage-deflate");
      bare.send(OPCODE.text, payload, { rsv: 4 });
      assert.deepEqual(await bare.closeFrame(), ending);
      bare.destroy();
    }
  });

  // Its inflater keeps no more than what was agreed on, and fails at a message that refers farther back.
  test("has a window as small as it wants, and messages that keep to it, beside others", async () => {
    const hub = server.hub();
    const texts = Array.from({ length: 6 }, (_, n) => `${n}:${Array.from({ length: 4 ** (n + 1) }, (_, at) => (at * at * 2_654_435_761) % 1_000_003).join(" ")}`.repeat(3));
    const wide = await RawClient.json(server, hub, compressed);
    for (const [bits, agreed] of [[9, 9], [12, 9], [14, 9], [15, 15]]) {
      const clients = await Promise.all([RawClient.json, RawClient.reliable].map((open) => open(server, hub, { ...compressed, compression: { serverMaxWindowBits: bits } })));
      for (const client of clients) assert.match(client.upgradeHeaders["sec-websocket-extensions"], new RegExp(`; server_max_window_bits=${agreed}$`));
      for (const text of texts) {
        await new Hub(server, hub).sendText("/groups/g", text);
        for (const client of [wide, ...clients]) assert.ok((await client.message()).data === text, `${bits} bits: ${text.slice(0, 20)}`);
      }
      await RawClient.closeAll(...clients);
    }
    await wide.close(1000);
  });

  test("is answered without it where it wants a window that cannot be kept to", async () => {
    for (const offer of ["permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits"]) {
      const bare = await BareSocket.open(clientUrl(server, server.hub()), JSON_PROTOCOL, offer);
      assert.doesNotMatch(bare.head, /sec-websocket-extensions/i, offer);
      bare.send(OPCODE.text, "{}", { rsv: 4 });
      assert.equal((await bare.closeFrame()).code, 1002);
      bare.destroy();
    }
  });
});

test("the official client, which always asks, is served the same", async () => {
  const hub = server.hub();
  const client = await RealtimeClient.start(server, hub, { protocol: "reliable", groups: ["g"] });
  await new Hub(server, hub).sendText("/groups/g", TEXT);
  assert.equal((await client.untilGroupMessages(1))[0].data, TEXT);
  await client.stop();
});

test("without the setting nobody is", async () => {
  const plain = await startServer();
  const client = await RawClient.connect(clientUrl(plain, plain.hub()), { compression: true });
  assert.equal(client.upgradeHeaders["sec-websocket-extensions"], undefined);
  await client.close(1000);
  await plain.stop();
});
