// The requests that both middlewares are sent. `app` names one of the applications in record.mjs.

const PATH = "/api/webpubsub/hubs/chat/event";
const CE = {
  "webhook-request-origin": "svc.example.com",
  "ce-specversion": "1.0",
  "ce-awpsversion": "1.0",
  "ce-id": "0",
  "ce-time": "2026-01-31T08:00:00Z",
  "ce-source": "/hubs/chat/client/c1",
  "ce-hub": "chat",
  "ce-connectionid": "c1",
  "ce-signature": "sha256=00",
};
const MQTT = { "ce-subprotocol": "mqtt", "ce-physicalconnectionid": "p1" };
const state = (value) => ({ "ce-connectionstate": Buffer.from(JSON.stringify(value)).toString("base64") });

function system(name, event, body, { headers, ...more } = {}) {
  const family = event === "joined" || event === "left" ? "gp" : "sys";
  return {
    name,
    app: "handlers",
    method: "POST",
    path: PATH,
    headers: {
      ...CE,
      "content-type": "application/json; charset=utf-8",
      "ce-type": `azure.webpubsub.${family}.${event}`,
      "ce-eventname": event,
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
  };
}

function connect(name, wish, more = {}) {
  const { mqtt, ...rest } = more;
  const body = { claims: {}, query: { wish: [wish] }, headers: {}, subprotocols: ["a", "b"], clientCertificates: [], mqtt };
  return system(name, "connect", body, { ...rest, headers: { ...(mqtt ? MQTT : {}), ...rest.headers } });
}

function user(name, event, contentType, body, { headers, ...more } = {}) {
  const request = system(name, event, body, {
    headers: { "ce-type": `azure.webpubsub.user.${event}`, "content-type": contentType, ...headers },
    ...more,
  });
  if (contentType === undefined) delete request.headers["content-type"];
  return request;
}

function without(request, ...names) {
  for (const name of names) delete request.headers[name];
  return request;
}

const validation = (name, app, headers, more = {}) => ({
  name, app, method: "OPTIONS", path: "/api/webpubsub/hubs/chat/validate", headers, body: "", ...more,
});
const ASKED = { "webhook-request-origin": "svc.example.com", "ce-awpsversion": "1.0" };

const V4 = { protocolVersion: 4, username: "u", password: "cHc=", userProperties: null };
const V5 = { protocolVersion: 5, username: null, password: null, userProperties: [{ name: "k", value: "v" }] };

export const requests = [
  validation("validation, every origin", "handlers", ASKED),
  validation("validation, listed origin", "listed", ASKED),
  validation("validation, unlisted origin", "listed", { ...ASKED, "webhook-request-origin": "other.example.com" }),
  validation("validation, nobody listed", "nobody", ASKED),
  validation("validation without origin", "handlers", { "ce-awpsversion": "1.0" }),
  validation("validation without version", "handlers", { "webhook-request-origin": "svc.example.com" }),
  validation("validation of another path", "handlers", ASKED, { path: "/api/webpubsub/hubs/news/validate" }),
  validation("validation of the path itself", "handlers", ASKED, { path: "/api/webpubsub/hubs/chat" }),
  validation("validation of a longer name", "handlers", ASKED, { path: "/api/webpubsub/hubs/chats" }),
  validation("validation in another case, with a query", "handlers", ASKED, { path: "/API/WebPubSub/Hubs/CHAT/validate?code=x" }),
  validation("validation of a path of one's own", "path", ASKED, { path: "/customPath1" }),
  validation("validation of the default path where it is not", "path", ASKED),
  validation("validation with GET", "handlers", ASKED, { method: "GET" }),

  connect("connect, accepted as it is", "nothing"),
  connect("connect, accepted with all", "all"),
  connect("connect, accepted with empty lists", "empty"),
  connect("connect, accepted with a user", "user"),
  connect("connect, accepted with a state", "state"),
  connect("connect, accepted with several states and a user", "states"),
  connect("connect, refused with 400", "fail 400"),
  connect("connect, refused with 401", "fail 401"),
  connect("connect, refused with 500", "fail 500"),
  connect("connect, refused without words", "fail silently"),
  connect("connect, refused with failWith", "failWith 401"),
  connect("connect, refused after a state was set", "state and fail"),
  connect("connect in another case of the hub", "user", { headers: { "ce-hub": "CHAT" } }),
  connect("connect of another hub", "user", { headers: { "ce-hub": "news" } }),
  connect("connect without version", "user", { headers: {} }),
  connect("connect, unset handler", "user", { app: "bare" }),
  connect("connect, unset handler, MQTT", "user", { app: "bare", mqtt: V5 }),
  connect("connect from an origin that is not listed", "user", { app: "listed", headers: { "webhook-request-origin": "other.example.com" } }),
  system("connect with a body that is not JSON", "connect", "{"),
  system("connect without a body", "connect", ""),
  without(connect("connect without origin", "user"), "webhook-request-origin"),
  without(connect("connect without type", "user"), "ce-type"),
  without(connect("connect without hub", "user"), "ce-hub"),
  without(connect("connect without connection", "user"), "ce-connectionid"),
  without(connect("connect without event name", "user"), "ce-eventname"),
  without(connect("connect without signature", "user"), "ce-signature"),

  connect("MQTT connect, accepted as it is", "nothing", { mqtt: V5 }),
  connect("MQTT connect, accepted with user properties", "mqtt", { mqtt: V5 }),
  ...[V4, V5, { ...V5, protocolVersion: 3 }].flatMap((mqtt) =>
    ["fail 400", "fail 401", "fail 500", "fail silently", "failWith 401", "fail 403"].map((wish) =>
      connect(`MQTT ${mqtt.protocolVersion} connect, ${wish}`, wish, { mqtt }),
    ),
  ),
  ...[...Array(7).keys()].map((code) => connect(`MQTT 4 connect, code ${code}`, `code ${code}`, { mqtt: V4 })),
  ...[...Array(35).keys()].map((n) => connect(`MQTT 5 connect, code ${n + 127}`, `code ${n + 127}`, { mqtt: V5 })),
  connect("MQTT connect, refused with all", "mqtt refusal", { mqtt: V5 }),
  connect("connect that only names a physical connection", "fail 401", { headers: { "ce-physicalconnectionid": "p1" } }),

  system("connected", "connected", {}),
  system("connected, failing handler", "connected", {}, { headers: { "ce-userid": "fail" } }),
  system("connected, unset handler", "connected", {}, { app: "bare" }),
  system("disconnected", "disconnected", { reason: "bye" }),
  system("disconnected, MQTT", "disconnected", { reason: "", mqtt: { initiatedByClient: true, disconnectPacket: { code: 4 } } }, { headers: MQTT }),
  system("disconnected, unset handler", "disconnected", { reason: "" }, { app: "bare" }),
  system("joined", "joined", { group: "g" }),
  system("joined, unset handler", "joined", { group: "g" }, { app: "bare" }),
  system("left", "left", { group: "g" }),
  system("left, unset handler", "left", { group: "g" }, { app: "bare" }),
  system("an unknown system event", "paused", {}),
  system("a CloudEvent of somebody else", "connect", {}, { headers: { "ce-type": "com.example.created" } }),
  system("a type in another case", "connect", {}, { headers: { "ce-type": "azure.webpubsub.SYS.connect" } }),
  system("PUT", "connected", {}, { method: "PUT" }),

  user("user event, no reply", "silent", "text/plain", "hi"),
  user("user event, text reply", "text", "text/plain; charset=utf-8", "grüße"),
  user("user event, JSON reply", "json", "application/json", '{"a":[1,2]}'),
  user("user event, binary reply", "binary", "application/octet-stream", "\u0000\u0001"),
  user("user event, reply of unsaid type", "untyped", "text/plain", "hi"),
  user("user event, empty text reply", "empty", "text/plain", "hi"),
  user("user event, echo of text", "echo", "text/plain", "hé"),
  user("user event, echo of an empty text", "echo", "text/plain", ""),
  user("user event, echo of JSON", "echo", "application/json; charset=utf-8", '{"b":1,"a":"x"}'),
  user("user event, echo of bytes", "echo", "application/octet-stream", "\u0001\u0002"),
  user("user event, content type in another case", "echo", "TEXT/PLAIN", "hi"),
  user("user event, refused with 400", "fail400", "text/plain", "hi"),
  user("user event, refused with 401", "fail401", "text/plain", "hi"),
  user("user event, refused with 500", "fail500", "text/plain", "hi"),
  user("user event, refused without words", "failsilently", "text/plain", "hi"),
  user("user event, unset handler", "text", "text/plain", "hi", { app: "bare" }),
  user("user event, throwing handler", "throw", "text/plain", "hi"),
  user("user event with JSON that is none", "echo", "application/json", "{"),
  user("user event without JSON", "echo", "application/json", ""),
  user("user event of unknown content type", "echo", "image/png", "hi"),
  user("user event without content type", "echo", undefined, "hi"),
  user("user event with protobuf", "echo", "application/x-protobuf", "\u0001"),
  user("user event with an empty name of its type", "echo", "text/plain", "hi", { headers: { "ce-type": "azure.webpubsub.user." } }),

  user("state, read and counted", "count", "text/plain", "", { headers: state({ calledTime: 7 }) }),
  user("state, first time", "count", "text/plain", ""),
  user("state, others stay in their order", "count", "text/plain", "", { headers: state({ z: [1], calledTime: 1, a: { c: "ü", b: null } }) }),
  user("state, not base64", "count", "text/plain", "", { headers: { "ce-connectionstate": "%%%" } }),
  user("state, not JSON", "count", "text/plain", "", { headers: { "ce-connectionstate": "AAAA" } }),
  user("state, not an object", "count", "text/plain", "", { headers: state([1]) }),
  user("state, empty", "count", "text/plain", "", { headers: { "ce-connectionstate": "" } }),
  user("state, unpadded and URL-safe", "count", "text/plain", "", {
    headers: { "ce-connectionstate": Buffer.from('{"calledTime":4,"x":"?>?>"}').toString("base64url") },
  }),
  user("state, not changed", "echo", "text/plain", "hi", { headers: state({ calledTime: 7 }) }),
];
// Listed here, since `headers` above adds and this takes away.
delete requests.find((request) => request.name === "connect without version").headers["ce-awpsversion"];
