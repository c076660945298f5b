// Hostile event handlers, in a thread of their own: what they do to the service must not slow the test's own clients.
import { isMainThread, parentPort } from "node:worker_threads";
import { NO_CONTENT, SocketHandler, flood } from "./socket_handler.mjs";

const MIB = 1 << 20;
const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const FLOOD = "x".repeat(64 << 10);

/** What each hostile handler does with an event. */
export const BEHAVIOURS = {
  "hangs": () => {},
  "resets the connection": (_request, socket) => socket.resetAndDestroy(),
  "closes the connection": (_request, socket) => socket.end(),
  "answers 10 MiB": (_request, socket) => socket.write(`${OK}Content-Length: ${10 * MIB}\r\n\r\n${"x".repeat(10 * MIB)}`),
  "answers without end": (_request, socket) => {
    socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
    flood(socket, `${FLOOD.length.toString(16)}\r\n${FLOOD}\r\n`);
  },
  "sends endless headers": (_request, socket) => {
    socket.write(OK);
    flood(socket, `x-more: ${"x".repeat(1000)}\r\n`);
  },
  "sends one endless header": (_request, socket) => {
    socket.write(`${OK}x-more: `);
    flood(socket, FLOOD);
  },
  "sends interim answers without end": (_request, socket) => flood(socket, "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
  "answers its head byte by byte": (_request, socket, handler) => {
    socket.write(OK);
    handler.trickle(socket, () => "x", 20);
  },
  "answers its body byte by byte": (_request, socket, handler) => {
    socket.write(`${OK}Content-Length: 100000\r\n\r\n`);
    handler.trickle(socket, () => "x", 20);
  },
  "vanishes in the middle of its head": (_request, socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Ty"),
  "vanishes in the middle of its body": (_request, socket) => socket.write(`${OK}Content-Length: 100\r\n\r\nhalf`, () => socket.resetAndDestroy()),
  "vanishes in the middle of a chunk": (_request, socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\n10\r\nhalf`),
  "does not speak HTTP": (_request, socket) => socket.write("220 mail.example ESMTP\r\n"),
  "answers twice": (_request, socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
};

/** Hostile to events of the connections that ask for it: how else would a client ever send an event? */
const hostile = (behave) =>
  function (request, socket) {
    const connects = request.headers["ce-eventname"] === "connect";
    if (connects && !request.body.includes('"hostile"')) socket.write(NO_CONTENT);
    else behave(request, socket, this);
  };

if (!isMainThread) {
  const handlers = new Map();
  for (const [name, behave] of Object.entries(BEHAVIOURS)) handlers.set(name, await SocketHandler.start(hostile(behave)));
  parentPort.postMessage(new Map([...handlers].map(([name, { urlTemplate }]) => [name, urlTemplate])));
}
