// One client that does not read must cost the others nothing, and must not be kept for ever.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BareSocket, OPCODE } from "./support/bare_socket.mjs";
import { JSON_PROTOCOL, RawClient } from "./support/raw_client.mjs";
import { Hub, clientUrl } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const MESSAGE_BYTES = 64 * 1024;
/** Enough to fill the kernel's buffers on both sides and then the 16 MiB that the server keeps. */
const MESSAGES_MAX = 1_500;

test("a slow reader is closed while the others get every message", async () => {
  const name = server.hub("slow");
  const hub = new Hub(server, name);
  const slow = await BareSocket.open(clientUrl(server, name, { userId: "slow", groups: ["g"] }), JSON_PROTOCOL);
  await slow.frame((frame) => frame.payload.includes("connected"), "the connected message");
  slow.pause();
  const fast = await RawClient.json(server, name, { groups: ["g"] });
  const filler = "x".repeat(MESSAGE_BYTES - 8);
  let sent = 0;
  while (await hub.exists("/users/slow")) {
    assert.ok(sent < MESSAGES_MAX, `the slow reader is still kept after ${sent} messages`);
    for (let n = 0; n < 20; n += 1) {
      const data = String(sent).padStart(8, "0") + filler;
      assert.equal((await hub.sendText("/groups/g", data)).status, 202);
      // Reading in step keeps the fast client from being slow itself.
      assert.equal((await fast.message()).data.slice(0, 8), data.slice(0, 8));
      sent += 1;
    }
  }
  assert.ok(sent * MESSAGE_BYTES > 16 * 1024 * 1024, "the server kept its queue before it gave up");
  slow.resume();
  const ending = await slow.frame((frame) => frame.opcode === OPCODE.close, "the close frame").catch((error) => error);
  // The close frame is tried; a socket that took nothing for too long may end without it.
  if (!(ending instanceof Error)) {
    assert.deepEqual([ending.payload.readUInt16BE(0), ending.payload.subarray(2).toString()], [1008, "The outbound message queue is full."]);
  }
  await slow.ended();
  await hub.sendText("/groups/g", "after");
  assert.equal((await fast.message()).data, "after");
  await fast.close(1000);
});

test("a reader that pauses and goes on loses nothing", async () => {
  const name = server.hub("pause");
  const hub = new Hub(server, name);
  const reader = await BareSocket.open(clientUrl(server, name, { groups: ["g"] }), JSON_PROTOCOL);
  await reader.frame((frame) => frame.payload.includes("connected"), "the connected message");
  reader.pause();
  const filler = "x".repeat(MESSAGE_BYTES);
  for (let n = 0; n < 100; n += 1) assert.equal((await hub.sendJson("/groups/g", { n, filler })).status, 202);
  reader.resume();
  for (let n = 0; n < 100; n += 1) {
    const frame = await reader.frame((one) => one.opcode === OPCODE.text, `message ${n}`);
    assert.equal(JSON.parse(frame.payload).data.n, n);
  }
  reader.destroy();
});
