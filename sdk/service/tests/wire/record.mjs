// Records what the JavaScript SDK sends, one entry for each named call, into recorded.json. tests/wire.rs makes
// the same calls with the Rust client and compares. To record again:
//
//   npm install && node record.mjs
//
// What differs from run to run is left out: ports (written as "endpoint" and "proxy"), the times in tokens, and
// headers that only name the SDK or the connection.
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { AzureKeyCredential, WebPubSubServiceClient, odata } from "@azure/web-pubsub";
import { createHttpHeaders } from "@azure/core-rest-pipeline";

const KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";
const HEADERS = ["accept", "content-type", "content-length"];

const requests = [];
let endpoint;
let proxy;

const portless = (text) => text.replaceAll(endpoint, "http://endpoint").replaceAll(proxy, "http://proxy");

function claims(jwt) {
  const [header, payload] = jwt.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  for (const time of ["iat", "exp"]) {
    if (typeof payload[time] !== "number") throw new Error(`a token without ${time}`);
    delete payload[time];
  }
  if (payload.aud) payload.aud = portless(payload.aud);
  return { header, payload };
}

function keep(server, method, target, headers, body) {
  const authorization = headers.authorization;
  const token = authorization?.replace(/^Bearer /, "");
  requests.push({
    server,
    method,
    target,
    headers: Object.fromEntries(HEADERS.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]])),
    body: body.toString("base64"),
    token: token === "entra-token" ? token : token && claims(token),
  });
}

function answer(method, target) {
  const path = target.split("?")[0];
  if (path.endsWith("/:send")) return { status: 202 };
  if (path.endsWith("/:closeConnections") || method === "DELETE") return { status: 204 };
  if (path.endsWith("/:generateToken")) return { status: 200, body: { token: "generated" } };
  if (method !== "GET") return { status: 200 };
  const more = !target.includes("continuationToken");
  return {
    status: 200,
    body: {
      value: [{ connectionId: more ? "c1" : "c2", userId: more ? "u1" : null }],
      nextLink: more ? `${endpoint}${target}&continuationToken=next_1` : null,
    },
  };
}

async function listen(name) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      keep(name, request.method, request.url, request.headers, Buffer.concat(chunks));
      const { status, body } = answer(request.method, request.url);
      response.writeHead(status, body ? { "content-type": "application/json" } : {});
      response.end(body && JSON.stringify(body));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return [server, `http://127.0.0.1:${server.address().port}`];
}

// Token credentials need https, so their requests are kept at the transport.
const transport = {
  async sendRequest(request) {
    const url = new URL(request.url);
    keep("entra", request.method, url.pathname + url.search, request.headers.toJSON(), Buffer.from(request.body ?? ""));
    const { status, body } = answer(request.method, url.pathname + url.search);
    return { request, status, headers: createHttpHeaders({ "content-type": "application/json" }), bodyAsText: body && JSON.stringify(body) };
  },
};

let server, proxyServer;
[server, endpoint] = await listen("endpoint");
[proxyServer, proxy] = await listen("proxy");

const insecure = { allowInsecureConnection: true };
const key = new WebPubSubServiceClient(`Endpoint=${endpoint};AccessKey=${KEY};Version=1.0;`, "chat", insecure);
const keyed = new WebPubSubServiceClient(endpoint, new AzureKeyCredential(KEY), "chat", insecure);
const proxied = new WebPubSubServiceClient(endpoint, new AzureKeyCredential(KEY), "chat", { ...insecure, reverseProxyEndpoint: proxy });
const entra = new WebPubSubServiceClient(
  "https://hub.example",
  { getToken: async () => ({ token: "entra-token", expiresOnTimestamp: Date.now() + 3600000 }) },
  "chat",
  { httpClient: transport },
);
const group = key.group("room 1/ä?#");
const filter = odata`userId eq ${"vic's"} and not(${"a+b&c=d"} in groups) or length(userId) gt ${3}`;
const bytes = new Uint8Array([0, 1, 254, 255]);

async function members(pages) {
  const found = [];
  for await (const member of await pages) found.push(member);
  return found;
}

const calls = {
  send_json_to_all: () => key.sendToAll({ message: "Hello world!", n: [1, 2.5, null, true] }),
  send_json_string_to_all: () => key.sendToAll("a \"quoted\" string"),
  send_text_to_all: () => key.sendToAll("Grüße, 世界", { contentType: "text/plain" }),
  send_bytes_to_all: () => key.sendToAll(bytes.buffer),
  send_to_all_with_everything: () =>
    key.sendToAll("hi", { contentType: "text/plain", excludedConnections: ["c1", "c 2,3"], filter, messageTtlSeconds: 60 }),
  send_to_all_by_key_credential: () => keyed.sendToAll("hi", { contentType: "text/plain" }),
  send_to_all_through_a_proxy: () => proxied.sendToAll("hi", { contentType: "text/plain", filter: "userId eq null" }),
  send_to_all_with_a_token_credential: () => entra.sendToAll("hi", { contentType: "text/plain" }),
  send_to_user: () => key.sendToUser("vic's", { a: 1 }, { filter: "'g' in groups", messageTtlSeconds: 0 }),
  send_text_to_user: () => key.sendToUser("user@host.example", "hi", { contentType: "text/plain" }),
  send_to_connection: () => key.sendToConnection("c+1", { a: 1 }, { messageTtlSeconds: 300 }),
  send_bytes_to_connection: () => key.sendToConnection("c1", bytes.buffer),
  send_to_group: () => group.sendToAll({ a: 1 }, { excludedConnections: ["c1"], filter, messageTtlSeconds: 1 }),
  send_text_to_group: () => group.sendToAll("hi", { contentType: "text/plain" }),
  send_bytes_to_group: () => group.sendToAll(bytes.buffer),
  connection_exists: () => key.connectionExists("c 1"),
  group_exists: () => key.groupExists("room 1/ä?#"),
  user_exists: () => key.userExists("vic's"),
  close_connection: () => key.closeConnection("c1", { reason: "maintenance & more" }),
  close_connection_without_reason: () => key.closeConnection("c1"),
  close_all_connections: () => key.closeAllConnections({ reason: "bye" }),
  close_user_connections: () => key.closeUserConnections("vic's", { reason: "bye" }),
  close_group_connections: () => group.closeAllConnections({ reason: "bye" }),
  remove_user_from_all_groups: () => key.removeUserFromAllGroups("vic's"),
  remove_connection_from_all_groups: () => key.removeConnectionFromAllGroups("c1"),
  add_connections_to_groups: () => key.addConnectionsToGroups(["g1", "g 2"], filter),
  remove_connections_from_groups: () => key.removeConnectionsFromGroups(["g1"], "userId eq 'u'"),
  add_connection_to_group: () => group.addConnection("c1"),
  remove_connection_from_group: () => group.removeConnection("c1"),
  add_user_to_group: () => group.addUser("vic's"),
  remove_user_from_group: () => group.removeUser("vic's"),
  list_connections: () => members(group.listConnections()),
  list_connections_from_a_token: () => members(group.listConnections({ continuationToken: "next_1" })),
  list_connections_in_pages: () => members(group.listConnections({ maxPageSize: 1, top: 2 })),
  grant_permission: () => key.grantPermission("c1", "joinLeaveGroup", { targetName: "g 1" }),
  grant_permission_without_target: () => key.grantPermission("c1", "sendToGroup"),
  revoke_permission: () => key.revokePermission("c1", "sendToGroup", { targetName: "g1" }),
  has_permission: () => key.hasPermission("c1", "sendToGroup", { targetName: "g1" }),
  token: () => key.getClientAccessToken(),
  token_with_everything: () =>
    key.getClientAccessToken({ userId: "vic's", roles: ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup.g"], groups: ["g1", "g 2"], expirationTimeInMinutes: 5 }),
  token_for_mqtt: () => key.getClientAccessToken({ userId: "u", clientProtocol: "mqtt" }),
  token_for_socketio: () => keyed.getClientAccessToken({ clientProtocol: "socketio" }),
  token_through_a_proxy: () => proxied.getClientAccessToken({ userId: "u" }),
  token_with_a_token_credential: () => entra.getClientAccessToken(),
  token_with_a_token_credential_and_everything: () =>
    entra.getClientAccessToken({ userId: "vic's", roles: ["r1", "r2"], groups: ["g1", "g 2"], expirationTimeInMinutes: 5, clientProtocol: "mqtt" }),
};

const recorded = {};
for (const [name, call] of Object.entries(calls)) {
  requests.length = 0;
  let result = await call();
  if (result?.token) {
    const { token, baseUrl, url } = result;
    if (url !== `${baseUrl}?access_token=${token}`) throw new Error(`unexpected client URL ${url}`);
    const websocket = endpoint.replace("http", "ws");
    result = { baseUrl: baseUrl.replace(websocket, "ws://endpoint"), token: token === "generated" ? token : claims(token) };
  } else if (typeof result !== "boolean" && !Array.isArray(result)) {
    result = null;
  }
  recorded[name] = { requests: [...requests], result };
}
writeFileSync(new URL("recorded.json", import.meta.url), `${JSON.stringify(recorded, null, 2)}\n`);
server.close();
proxyServer.close();
server.closeAllConnections();
proxyServer.closeAllConnections();
