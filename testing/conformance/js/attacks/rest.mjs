// REST calls whose names, filters, bodies and types are wrong on purpose, and HTTP/2 connections that are a weapon.
import http from "node:http";
import { RawClient } from "../support/raw_client.mjs";
import { Hub, rest, restToken } from "../support/rest.mjs";
import { FRAME, HpackHeaders, Http2Socket } from "../support/http2_socket.mjs";

const TEXT = { "Content-Type": "text/plain" };
const status = async (answer) => `${(await answer).status}`;

/** A call of a hub whose token names its path alone, since queries are long here. */
const call = (server, hub, method, operation, options) => status(rest(server, method, `/api/hubs/${hub}${operation}`, { token: restToken(server, `/api/hubs/${hub}${operation}`), ...options }));
const filter = (text) => (server, hub) => call(server, hub, "POST", "/:send", { query: { filter: text }, body: "x", headers: TEXT });
const path = (tail, { method = "POST", ...options } = {}) => (server, hub) => status(rest(server, method, `/api/hubs/${hub}${tail}`, { body: method === "POST" ? "x" : undefined, headers: TEXT, ...options }));
const json = (operation, body) => (server, hub) => status(new Hub(server, hub).postJson(operation, body));
const query = (parameters, operation = "/:send") => (server, hub) => call(server, hub, "POST", operation, { body: "x", headers: TEXT, query: parameters });
const headers = (more) => (server, hub) => status(new Hub(server, hub).sendText("", "x", {}, more));

/** An HTTP/2 connection that does something, and how the service ends it, or that it goes on. */
const http2 = (act) => async (server) => {
  const socket = await Http2Socket.open(server.port);
  try {
    return await act(socket, server);
  } finally {
    socket.destroy();
  }
};

const healthHeaders = (server) => new HpackHeaders([[":method", "HEAD"], [":scheme", "http"], [":path", "/api/health"], [":authority", server.host]]);

/** How an attacker's connection stands after all of this. */
async function verdict(socket, server, nextStream) {
  socket.frame(FRAME.headers, { flags: 0x5, stream: nextStream, payload: healthHeaders(server).bytes });
  const frame = await socket.next((one) => one.type === FRAME.goaway || one.type === FRAME.end || (one.type === FRAME.headers && one.stream === nextStream) || (one.type === FRAME.reset && one.stream === nextStream));
  if (frame.type === FRAME.headers) return "served";
  // The last words may be lost, since the service does not read on what is on its way.
  return frame.type === FRAME.reset ? "the stream is reset" : "the connection is ended";
}

export const REST_ATTACKS = [
  { attack: "a filter with 10,000 parentheses", outcome: "400", act: filter(`${"(".repeat(4000)}true${")".repeat(4000)}`) },
  { attack: "a filter with 2,000 negations", outcome: "400", act: filter(`${"not ".repeat(1500)}true`) },
  { attack: "a filter of 20,000 characters", outcome: "400", act: filter(`userId eq '${"x".repeat(20_000)}'`) },
  { attack: "a filter with a list of 1,000 names", outcome: "202", act: filter(`userId in (${Array.from({ length: 1000 }, (_, n) => `'${n}'`).join(",")})`) },
  { attack: "a filter that ends its text and goes on", outcome: "400", act: filter("userId eq '' or 1 eq 1; drop") },
  { attack: "a filter that is a regular expression", outcome: "400", act: filter("matches(userId,'^(a+)+$')") },
  { attack: "a filter with numbers beyond 64 bits", outcome: "400", act: filter("length(userId) eq 99999999999999999999999999") },
  { attack: "a path with dots that leads out of the hub", outcome: "404", act: path("/../../etc/passwd") },
  { attack: "a path with encoded dots and slashes", outcome: "401", act: path("/groups/%2e%2e%2f%2e%2e%2fadmin/:send") },
  { attack: "a name with an encoded NUL", outcome: "202", act: path("/groups/a%00b/:send") },
  { attack: "a name with a slash in two bytes", outcome: "400", act: path("/groups/%C0%AF/:send") },
  { attack: "a name with half of an escape", outcome: "202", act: path("/groups/a%z/:send") },
  { attack: "a name that is encoded twice", outcome: "202", act: path("/groups/%252e%252e/:send") },
  { attack: "a name of 5,000 characters", outcome: "400", act: path(`/groups/${"g".repeat(5000)}/:send`) },
  { attack: "a path of 1,000 segments", outcome: "404", act: path("/groups".repeat(1000)) },
  { attack: "an encoded line break in a reason", outcome: "204", act: async (server, hub) => status(new Hub(server, hub).call("POST", "/:closeConnections", { query: { reason: "x\r\nX-Evil: 1" } })) },
  { attack: "a version of the API with SQL behind it", outcome: "400", act: (server, hub) => status(rest(server, "POST", `/api/hubs/${hub}/:send`, { apiVersion: "2024-12-01'--", body: "x", headers: TEXT })) },
  { attack: "another method by a header", outcome: "202", act: headers({ "X-HTTP-Method-Override": "DELETE" }) },
  { attack: "a content type that is a line break", outcome: "415", act: headers({ "Content-Type": "text/plain\t;;;=" }) },
  { attack: "a content type of 10,000 characters", outcome: "415", act: headers({ "Content-Type": `x/${"y".repeat(10_000)}` }) },
  { attack: "a body that says it is compressed, which is delivered as it is", outcome: "202", act: headers({ "Content-Encoding": "gzip" }) },
  { attack: "metadata of 9,000 bytes", outcome: "400", act: headers({ "X-WebPubSub-Metadata-a": "x".repeat(9000) }) },
  { attack: "metadata with 1,000 names", outcome: "431", act: headers(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`X-WebPubSub-Metadata-n${n}`, "x"]))) },
  { attack: "a time to live that is no number", outcome: "400", act: query({ messageTtlSeconds: "NaN" }) },
  { attack: "1,500 excluded connections", outcome: "202", act: query({ excluded: Array.from({ length: 1500 }, (_, n) => `c${n}`) }) },
  { attack: "a token that never expires", outcome: "400", act: query({ minutesToExpire: "99999999999999999999" }, "/:generateToken") },
  { attack: "a token for 2,000 groups", outcome: "400", act: query({ group: Array.from({ length: 2000 }, (_, n) => `g${n}`) }, "/:generateToken") },
  { attack: "a continuation token that was made up", outcome: "400", act: (server, hub) => status(new Hub(server, hub).call("GET", "/groups/g/connections", { query: { continuationToken: Buffer.from('{"after":"../../x"}').toString("base64url") } })) },
  { attack: "a page of a billion", outcome: "400", act: (server, hub) => status(new Hub(server, hub).call("GET", "/groups/g/connections", { query: { maxpagesize: "1000000000" } })) },
  { attack: "a body of groups nested 100,000 deep", outcome: "400", act: json("/:addToGroups", `{"groups":${"[".repeat(100_000)}${"]".repeat(100_000)}}`) },
  { attack: "a JSON body nested 100,000 deep", outcome: "400", act: json("/:send", `${"[".repeat(100_000)}${"]".repeat(100_000)}`) },
  { attack: "a body with 100,000 groups", outcome: "200", act: json("/:addToGroups", { groups: Array.from({ length: 100_000 }, (_, n) => `g${n}`) }) },
  { attack: "50 publishes of 1 MiB at once to a client that does not read", outcome: "202", act: async (server, hub) => {
    const reader = await RawClient.json(server, hub);
    reader.socket.pause();
    // Each with a connection of its own, eight at a time: nobody is to wait so long that its body is late.
    const agent = new http.Agent({ keepAlive: false, maxSockets: 8 });
    const bodies = Array.from({ length: 50 }, () => call(server, hub, "POST", "/:send", { agent, body: "x".repeat(1 << 20), headers: TEXT }));
    const seen = [...new Set(await Promise.all(bodies))];
    reader.cut();
    return seen.join(" or ");
  } },
  { attack: "HTTP/2: 3,000 streams opened and reset at once (rapid reset)", outcome: "the connection is ended", act: http2(async (socket, server) => {
    const block = healthHeaders(server).bytes;
    for (let n = 0; n < 3000; n += 1) {
      socket.frame(FRAME.headers, { flags: 0x5, stream: 2 * n + 1, payload: block });
      socket.frame(FRAME.reset, { stream: 2 * n + 1, payload: Buffer.from([0, 0, 0, 8]) });
    }
    return verdict(socket, server, 6001);
  }) },
  { attack: "HTTP/2: headers that go on in 10,000 CONTINUATION frames", outcome: "the connection is ended", act: http2(async (socket, server) => {
    socket.frame(FRAME.headers, { flags: 0x1, stream: 1, payload: healthHeaders(server).bytes });
    for (let n = 0; n < 10_000; n += 1) socket.frame(FRAME.continuation, { stream: 1, payload: new HpackHeaders([[`x-${n}`, "y".repeat(100)]]).bytes });
    return verdict(socket, server, 3);
  }) },
  { attack: "HTTP/2: a header that is told once and repeated 60,000 times (HPACK bomb)", outcome: "the connection is ended", act: http2(async (socket, server) => {
    const once = new HpackHeaders([...healthHeaders(server).headers, ["x-bomb", "b".repeat(3000)]], { indexed: "x-bomb" }).bytes;
    socket.frame(FRAME.headers, { flags: 0x1, stream: 1, payload: Buffer.concat([once, Buffer.alloc(12_000, 0xbe)]) });
    for (let n = 0; n < 3; n += 1) socket.frame(FRAME.continuation, { flags: n === 2 ? 0x4 : 0, stream: 1, payload: Buffer.alloc(16_000, 0xbe) });
    return verdict(socket, server, 3);
  }) },
  { attack: "HTTP/2: 20,000 pings", outcome: "served", act: http2((socket, server) => {
    for (let n = 0; n < 20_000; n += 1) socket.frame(FRAME.ping, { payload: Buffer.alloc(8) });
    return verdict(socket, server, 1);
  }) },
  { attack: "HTTP/2: 20,000 settings", outcome: "served", act: http2((socket, server) => {
    for (let n = 0; n < 20_000; n += 1) socket.frame(FRAME.settings, { payload: Buffer.from([0, 4, 0, 0, 0xff, 0xff]) });
    return verdict(socket, server, 1);
  }) },
  { attack: "HTTP/2: a window that overflows", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.frame(FRAME.window, { payload: Buffer.from([0x7f, 0xff, 0xff, 0xff]) });
    socket.frame(FRAME.window, { payload: Buffer.from([0x7f, 0xff, 0xff, 0xff]) });
    return verdict(socket, server, 1);
  }) },
  { attack: "HTTP/2: a stream with an even number", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.frame(FRAME.headers, { flags: 0x5, stream: 2, payload: healthHeaders(server).bytes });
    return verdict(socket, server, 3);
  }) },
  { attack: "HTTP/2: data on a stream that was never opened", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.frame(FRAME.data, { stream: 5, payload: Buffer.from("x") });
    return verdict(socket, server, 7);
  }) },
  { attack: "HTTP/2: a frame of 16 MiB", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.head(FRAME.data, { stream: 1, length: 0xffffff });
    return verdict(socket, server, 3);
  }) },
  { attack: "HTTP/2: 10,000 empty data frames", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.frame(FRAME.headers, { flags: 0x4, stream: 1, payload: new HpackHeaders([[":method", "POST"], [":scheme", "http"], [":path", "/api/hubs/x/:send"], [":authority", server.host], ["content-type", "text/plain"], ["authorization", `Bearer ${restToken(server, "/api/hubs/x/:send")}`]]).bytes });
    for (let n = 0; n < 10_000; n += 1) socket.frame(FRAME.data, { stream: 1, payload: Buffer.alloc(0) });
    return verdict(socket, server, 3);
  }) },
  { attack: "HTTP/2: header names with capitals", outcome: "the connection is ended", act: http2((socket, server) => {
    socket.frame(FRAME.headers, { flags: 0x5, stream: 1, payload: new HpackHeaders([...healthHeaders(server).headers, ["Transfer-Encoding", "chunked"]]).bytes });
    return verdict(socket, server, 3);
  }) },
];
