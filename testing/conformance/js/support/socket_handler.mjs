// An event handler on a bare socket, which can do to a connection what no HTTP server would.
import { once } from "node:events";
import net from "node:net";
import { until } from "./deadline.mjs";

const ALLOWED = "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n";
export const NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n";

export class SocketHandler {
  /** Requests that arrived whole, in their order; each says which connection it came by. */
  requests = [];
  /** Connections that were accepted. */
  accepted = 0;
  /** What is done with an event; validations pass. */
  behave = (_request, socket) => socket.write(NO_CONTENT);

  #sockets = new Set();
  #timers = new Set();

  static async start(behave) {
    const handler = new SocketHandler();
    if (behave) handler.behave = behave;
    handler.server = net.createServer({ noDelay: true }, (socket) => handler.#accept(socket));
    handler.server.listen(0, "127.0.0.1");
    await once(handler.server, "listening");
    handler.port = handler.server.address().port;
    handler.urlTemplate = `http://127.0.0.1:${handler.port}/{hub}/{event}`;
    return handler;
  }

  #accept(socket) {
    const connection = (this.accepted += 1);
    let received = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (data) => {
      received = Buffer.concat([received, data]);
      for (;;) {
        const request = parsed(received);
        if (!request) return;
        received = received.subarray(request.bytes);
        if (request.method !== "POST") {
          socket.write(ALLOWED);
          continue;
        }
        this.requests.push({ ...request, connection });
        this.behave(request, socket);
      }
    });
  }

  /** Sends pieces of an answer for as long as the socket lives, one for each tick. */
  trickle(socket, next, everyMs) {
    const timer = setInterval(() => socket.write(next()), everyMs);
    this.#timers.add(timer);
    socket.on("close", () => clearInterval(timer));
  }

  named(name) {
    return this.requests.filter(({ headers }) => headers["ce-eventname"] === name);
  }

  async event(name, number = 1) {
    await until(() => this.named(name).length >= number, () => `event ${name} no. ${number}; there are ${this.requests.map(({ headers }) => headers["ce-eventname"])}`);
    return this.named(name)[number - 1];
  }

  stop() {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** The first request of what was received, if it is there as a whole. */
function parsed(received) {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first, ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  const bytes = end + 4 + Number(headers["content-length"] ?? 0);
  if (received.length < bytes) return undefined;
  const [method, url] = first.split(" ");
  return { method, url, headers, body: received.subarray(end + 4, bytes), bytes };
}

/** Writes the same piece again and again, as fast as it is taken, until the socket ends. Tells how much the other side has taken. */
export function flood(socket, piece) {
  const sent = { bytes: 0 };
  const more = () => {
    while (!socket.destroyed && socket.write(piece)) sent.bytes += piece.length;
  };
  socket.on("drain", more);
  more();
  return sent;
}
