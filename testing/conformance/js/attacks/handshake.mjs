// Requests that try to be two things at once: smuggling, heads that lie, handshakes that break rules, peers who never finish.
import net from "node:net";
import { clientUrl } from "../support/rest.mjs";
import { request, speak } from "../support/attack.mjs";

const CLOSE = "Connection: close";
const TEXT = "Content-Type: text/plain";
const SEND = "/api/hubs/attack/:send";
const HEALTH = "/api/health";
const SMUGGLED = `HEAD ${HEALTH} HTTP/1.1\r\nHost: x\r\n\r\n`;

const words = async (server, bytes, options) => (await speak(server, bytes, options)).words;
const send = (headers, body) => (server) => words(server, request(server, "POST", SEND, { headers: [TEXT, ...headers], body }));
const health = (options) => (server) => words(server, request(server, "HEAD", HEALTH, { ...options, headers: [...(options.headers ?? []), CLOSE] }));
const raw = (bytes) => (server) => words(server, bytes);

function upgrade(server, hub, { more = [], query = "", key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], version = ["Sec-WebSocket-Version: 13"], host = [`Host: ${server.host}`] } = {}) {
  const url = new URL(clientUrl(server, hub));
  const head = [`GET ${url.pathname}${url.search}${query} HTTP/1.1`, ...host, "Connection: Upgrade", "Upgrade: websocket", ...version, ...key, ...more];
  return `${head.join("\r\n")}\r\n\r\n`;
}

/** A handshake whose socket sends a broken frame afterwards: if it was accepted, the answer is 101 and the service ends it. */
const handshake = (options) => async (server, hub) => words(server, [upgrade(server, hub, options), Buffer.from([0xff, 0xff])]);

/** Many sockets at once that each do the same; their distinct outcomes. */
const many = (count, act) => async (server, hub) => {
  const seen = await Promise.all(Array.from({ length: count }, () => act(server, hub)));
  return `${count} times ${[...new Set(seen)].join(" or ")}`;
};

/** One byte, then another, forever: until the service has enough. */
const trickle = (begin, piece, pieces) => async (server) => words(server, [begin(server), ...Array.from({ length: pieces }, () => piece)], { pauseMs: 100 });

/** Connections that are reset in the middle of a handshake. */
async function resets(server, hub) {
  const bytes = upgrade(server, hub);
  for (let round = 0; round < 500; round += 1) {
    await new Promise((resolve) => {
      const socket = net.connect({ host: "127.0.0.1", port: server.port }, () => {
        socket.write(bytes.slice(0, (round * 37) % bytes.length), () => socket.resetAndDestroy());
      });
      socket.on("error", () => {}).on("close", resolve);
    });
  }
  return words(server, request(server, "HEAD", HEALTH, { headers: [CLOSE] }));
}

export const HANDSHAKE_ATTACKS = [
  { attack: "Content-Length and Transfer-Encoding together, with a second request in the body", outcome: "202", act: send(["Content-Length: 4", "Transfer-Encoding: chunked"], `0\r\n\r\n${SMUGGLED}`) },
  { attack: "Transfer-Encoding named twice, the second time as identity", outcome: "400", act: send(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], `0\r\n\r\n${SMUGGLED}`) },
  { attack: "an unknown Transfer-Encoding", outcome: "400", act: send(["Transfer-Encoding: xchunked"], `0\r\n\r\n${SMUGGLED}`) },
  { attack: "a space before the colon of Transfer-Encoding", outcome: "400", act: send(["Transfer-Encoding : chunked"], `0\r\n\r\n${SMUGGLED}`) },
  { attack: "Content-Length with a sign", outcome: "400", act: send(["Content-Length: +4"], "abcd") },
  { attack: "Content-Length as a list", outcome: "400", act: send(["Content-Length: 4, 4"], "abcd") },
  { attack: "a chunk whose size overflows 64 bits", outcome: "400", act: send(["Transfer-Encoding: chunked", CLOSE], "FFFFFFFFFFFFFFFFF\r\nx") },
  { attack: "a chunk of negative size", outcome: "400", act: send(["Transfer-Encoding: chunked", CLOSE], "-1\r\nx") },
  { attack: "a chunk extension of 100 KB", outcome: "400", act: send(["Transfer-Encoding: chunked", CLOSE], `1;${"e".repeat(100_000)}\r\nx\r\n0\r\n\r\n`) },
  { attack: "20,000 trailers behind a chunked body", outcome: "400", act: send(["Transfer-Encoding: chunked", CLOSE], `1\r\nx\r\n0\r\n${"X-T: t\r\n".repeat(20_000)}\r\n`) },
  { attack: "a body that is announced with Expect and never comes", outcome: "100, 408", act: send(["Content-Length: 4", "Expect: 100-continue"], "") },
  { attack: "two Host headers", outcome: "400", act: health({ headers: ["Host: evil.example"] }) },
  { attack: "no Host header", outcome: "400", act: health({ host: null }) },
  { attack: "a Host header with a user name and a path", outcome: "400", act: health({ host: "good@evil.example/x" }) },
  { attack: "a header folded over two lines", outcome: "400", act: health({ headers: ["X-A: b", " Transfer-Encoding: chunked"] }) },
  { attack: "a NUL in a header", outcome: "400", act: health({ headers: ["X-A: b\0c"] }) },
  { attack: "a bare carriage return in a header", outcome: "400", act: health({ headers: ["X-A: b\rX-B: c"] }) },
  { attack: "a NUL in the request line", outcome: "400", act: raw("GET /api/hea\0lth HTTP/1.1\r\nHost: x\r\n\r\n") },
  { attack: "a request of HTTP/0.9", outcome: "400", act: raw("GET /\r\n") },
  { attack: "CONNECT, to be used as a proxy", outcome: "404", act: raw(`CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n\r\n`) },
  { attack: "TRACE, to see what a proxy adds", outcome: "405", act: raw(`TRACE ${HEALTH} HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\nCookie: secret\r\n\r\n`) },
  { attack: "an upgrade to h2c, past a proxy", outcome: "200", act: raw(`HEAD ${HEALTH} HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n`) },
  { attack: "a second request right behind a handshake", outcome: "101", act: async (server, hub) => words(server, upgrade(server, hub) + SMUGGLED) },
  { attack: "a handshake with a body", outcome: "400", act: handshake({ more: ["Content-Length: 10", CLOSE] }) },
  { attack: "a handshake with a chunked body", outcome: "400", act: handshake({ more: ["Transfer-Encoding: chunked", CLOSE] }) },
  { attack: "a handshake with two keys", outcome: "400", act: handshake({ more: ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", CLOSE] }) },
  { attack: "a handshake with two versions", outcome: "426", act: handshake({ more: ["Sec-WebSocket-Version: 8", CLOSE] }) },
  { attack: "a handshake that offers 2,000 subprotocols", outcome: "101", act: handshake({ more: [`Sec-WebSocket-Protocol: ${Array.from({ length: 2000 }, (_, n) => `p${n}`).join(", ")}`] }) },
  { attack: "a handshake whose extensions never close a quote", outcome: "101", act: handshake({ more: [`Sec-WebSocket-Extensions: permessage-deflate; a="${"x".repeat(30_000)}`] }) },
  { attack: "a handshake with a control character in the subprotocol", outcome: "400", act: handshake({ more: ["Sec-WebSocket-Protocol: json.webpubsub.azure.v1\x01"] }) },
  { attack: "a handshake with a head of 70 KB", outcome: "431", act: handshake({ more: [`X-Padding: ${"h".repeat(70_000)}`] }) },
  { attack: "a handshake with 1,000 more access tokens", outcome: "401", act: handshake({ query: "&access_token=x".repeat(1000), more: [CLOSE] }) },
  { attack: "a hub name with an encoded NUL", outcome: "400", act: async (server) => words(server, upgrade(server, "x", { more: [CLOSE] }).replace("/hubs/x", "/hubs/a%00b")) },
  { attack: "a handshake without a token from a page of another site", outcome: "401", act: async (server, hub) => words(server, upgrade(server, hub, { more: ["Origin: https://evil.example", "Cookie: session=stolen", CLOSE] }).replace(/access_token=[^ ]+/, "x=y")) },
  { attack: "100 heads that come byte by byte", outcome: "100 times closed without an answer", act: many(100, trickle(() => "GET / HTTP/1.1\r\nX: ", "x", 20)) },
  { attack: "100 bodies that come byte by byte", outcome: "100 times 408", act: many(100, trickle((server) => request(server, "POST", SEND, { headers: [TEXT, "Content-Length: 1000"] }), "x", 20)) },
  { attack: "500 connections reset in the middle of a handshake", outcome: "200", act: resets },
];

