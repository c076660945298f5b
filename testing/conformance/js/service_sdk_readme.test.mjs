// The snippets of the official SDK's README, run as they stand there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { odata } from "@azure/web-pubsub";
import { RawClient } from "./support/raw_client.mjs";
import { serviceClient } from "./support/sdk.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const shape = ({ dataType, data }) => [dataType, data];
const ZEROS = Buffer.alloc(10).toString("base64");
const THREE_KINDS = [
  ["json", { message: "Hello world!" }],
  ["text", "Hi there!"],
  ["binary", ZEROS],
];

async function three(client) {
  return [shape(await client.message()), shape(await client.message()), shape(await client.message())];
}

test("get the access token for a client to start the WebSocket connection", async () => {
  const hub = server.hub();
  const serviceClientOfHub = serviceClient(server, hub);
  let token = await serviceClientOfHub.getClientAccessToken();
  const anonymous = await RawClient.connect(token.url, { protocols: ["json.webpubsub.azure.v1"] });
  assert.equal((await anonymous.connected()).userId, null);
  token = await serviceClientOfHub.getClientAccessToken({ userId: "user1" });
  const user = await RawClient.connect(token.url, { protocols: ["json.webpubsub.azure.v1"] });
  assert.equal((await user.connected()).userId, "user1");
  token = await serviceClientOfHub.getClientAccessToken({ userId: "user1", groups: ["GroupA"] });
  const member = await RawClient.connect(token.url, { protocols: ["json.webpubsub.azure.v1"] });
  await member.connected();
  assert.equal(await serviceClientOfHub.groupExists("GroupA"), true);
  await RawClient.closeAll(anonymous, user, member);
});

test("broadcast messages to all connections in a hub", async () => {
  const hub = server.hub();
  const service = serviceClient(server, hub);
  const client = await RawClient.json(server, hub);
  await service.sendToAll({ message: "Hello world!" });
  await service.sendToAll("Hi there!", { contentType: "text/plain" });
  const payload = new Uint8Array(10);
  await service.sendToAll(payload.buffer);
  assert.deepEqual(await three(client), THREE_KINDS);
  await client.close(1000);
});

test("send messages to all connections in a hub with OData filter syntax", async () => {
  const hub = server.hub();
  const service = serviceClient(server, hub);
  const anonymous = await RawClient.json(server, hub);
  const inA = await RawClient.json(server, hub, { userId: "a", groups: ["groupA"] });
  const inBoth = await RawClient.json(server, hub, { userId: "b", groups: ["groupA", "groupB"] });
  await service.sendToAll({ message: "Hello world!" }, { filter: "userId eq null" });
  const groupA = "groupA";
  const groupB = "groupB";
  await service.sendToAll("Hello world!", { contentType: "text/plain", filter: odata`${groupA} in groups and not(${groupB} in groups)` });
  await service.sendToAll("end", { contentType: "text/plain" });
  assert.deepEqual([shape(await anonymous.message()), shape(await anonymous.message())], [["json", { message: "Hello world!" }], ["text", "end"]]);
  assert.deepEqual([shape(await inA.message()), shape(await inA.message())], [["text", "Hello world!"], ["text", "end"]]);
  assert.deepEqual(shape(await inBoth.message()), ["text", "end"]);
  await RawClient.closeAll(anonymous, inA, inBoth);
});

test("send messages to all connections in a group", async () => {
  const hub = server.hub();
  const service = serviceClient(server, hub);
  const client = await RawClient.json(server, hub, { userId: "user1" });
  const groupClient = service.group("<groupName>");
  await groupClient.addUser("user1");
  await groupClient.sendToAll({ message: "Hello world!" });
  await groupClient.sendToAll("Hi there!", { contentType: "text/plain" });
  const payload = new Uint8Array(10);
  await groupClient.sendToAll(payload.buffer);
  assert.deepEqual(await three(client), THREE_KINDS);
  await client.close(1000);
});

test("send messages to all connections for a user", async () => {
  const hub = server.hub();
  const service = serviceClient(server, hub);
  const client = await RawClient.json(server, hub, { userId: "user1" });
  await service.sendToUser("user1", { message: "Hello world!" });
  await service.sendToUser("user1", "Hi there!", { contentType: "text/plain" });
  const payload = new Uint8Array(10);
  await service.sendToUser("user1", payload.buffer);
  assert.deepEqual(await three(client), THREE_KINDS);
  await client.close(1000);
});

test("check if the group has any connection", async () => {
  const hub = server.hub();
  const service = serviceClient(server, hub);
  const client = await RawClient.json(server, hub, { groups: ["<groupName>"] });
  const groupClient = service.group("<groupName>");
  assert.equal(await service.groupExists("<groupName>"), true);
  await groupClient.closeAllConnections({ reason: "<closeReason>" });
  const hasConnections = await service.groupExists("<groupName>");
  assert.equal(hasConnections, false);
  assert.equal((await client.disconnected()).message, "Application server closed the connection. Reason: <closeReason>");
  await client.closed();
});

test("access the raw HTTP response for an operation", async () => {
  let response;
  function onResponse(rawResponse) {
    response = rawResponse;
  }
  await serviceClient(server, server.hub()).sendToAll({ message: "Hello world!" }, { onResponse });
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("api-supported-versions"), "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01");
});
