// Invocations: the official client, and raw frames.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InvocationError } from "@azure/web-pubsub-client";
import { ProtobufClient } from "./support/protobuf_client.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { RealtimeClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const NO_HANDLER = { name: "NotFound", message: "No event handler is registered for the event." };
const answered = (client) => client.frame((one) => one.json?.type === "invokeResponse", "the answer").then((frame) => frame.json);
const invoke = (more) => ({ type: "invoke", invocationId: "1", target: "event", event: "add", ...more });

test("the official client is told that nobody handles the event, and goes on", async () => {
  const { client } = await RealtimeClient.start(server, server.hub(), { roles: [] });
  for (const [content, type] of [[[1, 2], "json"], ["text", "text"], [new Uint8Array([1]).buffer, "binary"]]) {
    await assert.rejects(client.invokeEvent("add", content, type), (error) => {
      assert.ok(error instanceof InvocationError);
      assert.deepEqual(error.errorDetail, NO_HANDLER);
      return true;
    });
  }
  await client.stop();
});

test("an invocation that its caller gives up does no harm", async () => {
  const { client } = await RealtimeClient.start(server, server.hub());
  await assert.rejects(client.invokeEvent("add", 1, "json", { abortSignal: AbortSignal.abort() }));
  await client.joinGroup("g");
  await client.stop();
});

for (const protocol of ["json", "reliable"]) {
  test(`a raw ${protocol} client gets one answer, with an error of two members and no number`, async () => {
    const client = await RawClient[protocol](server, server.hub());
    for (const data of [{}, { dataType: "text", data: "a" }, { data: { n: 1 } }]) {
      client.send(invoke(data));
      assert.deepEqual(await answered(client), { type: "invokeResponse", invocationId: "1", success: false, error: NO_HANDLER });
    }
    await client.close(1000);
  });
}

test("a protobuf client gets one answer", async () => {
  const client = await ProtobufClient.open(server, server.hub());
  client.send({ invoke_event_message: { event: "add", invocation_id: "1", data: { json_data: "[1,2]" } } });
  assert.deepEqual((await client.next()).invoke_response_message, { invocation_id: "1", error: NO_HANDLER });
  client.send({ cancel_invocation_message: { invocation_id: "1" } });
  await client.settled();
  await client.close(1000);
});

test("a cancellation of what is over is not minded", async () => {
  const client = await RawClient.json(server, server.hub());
  client.send({ type: "cancelInvocation", invocationId: "never" });
  await client.settled();
  assert.equal(client.unseen.length, 0);
  await client.close(1000);
});

for (const [what, invocationId] of [["an empty id", ""], ["an id of 1025 bytes", "x".repeat(1025)]]) {
  test(`${what} is refused in the answer`, async () => {
    const client = await RawClient.json(server, server.hub());
    client.send(invoke({ invocationId }));
    const answer = await answered(client);
    assert.deepEqual([answer.invocationId, answer.success, answer.error.name], [invocationId, false, "BadRequest"]);
    await client.close(1000);
  });
}

for (const [what, members] of [["no target", { target: undefined }], ["another target", { target: "group" }], ["no id", { invocationId: undefined }], ["null data", { data: null }], ["a stream", { stream: { streamId: "s" } }]]) {
  test(`${what} is no invocation: 1007`, async () => {
    const client = await RawClient.json(server, server.hub());
    client.send(invoke(members));
    assert.equal((await client.closed()).code, 1007);
  });
}
