// A TCP socket that speaks WebSocket by hand, for what a well-behaved library refuses to send.
import { randomBytes } from "node:crypto";
import net from "node:net";
import { withDeadline } from "./deadline.mjs";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One frame as bytes; every rule of the protocol can be broken by an option. */
export function encodeFrame(opcode, payload, { fin = true, masked = true, rsv = 0 } = {}) {
  const body = Buffer.from(payload);
  const length = body.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mark = masked ? 0x80 : 0;
  if (length < 126) head.push(mark | length);
  else if (length < 65_536) head.push(mark | 126, length >> 8, length & 255);
  else head.push(mark | 127, 0, 0, 0, 0, (length >>> 24) & 255, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const mask = randomBytes(4);
  return Buffer.concat([Buffer.from(head), mask, body.map((byte, at) => byte ^ mask[at & 3])]);
}

export class BareSocket {
  #socket;
  #bytes = Buffer.alloc(0);
  #frames = [];
  #wake = () => {};
  #ended = false;

  /** Speaks over any stream of bytes that has been upgraded, or will be. */
  constructor(socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    // A stream of HTTP/2 closes only once both sides have ended theirs.
    for (const end of ["end", "close"]) {
      socket.on(end, () => {
        this.#ended = true;
        this.#wake();
      });
    }
    socket.on("data", (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wake();
    });
  }

  /** Connects and upgrades; `url` as for any WebSocket client. */
  static async open(url, protocol, extensions) {
    const { hostname, port, pathname, search, host } = new URL(url);
    const bare = new BareSocket(net.connect({ host: hostname, port: Number(port), noDelay: true }));
    const lines = [`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`];
    if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    if (extensions) lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
    bare.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    bare.head = await bare.#readHead();
    if (!bare.head.startsWith("HTTP/1.1 101")) throw new Error(`No upgrade: ${bare.head}`);
    return bare;
  }

  async #more(what) {
    if (this.#ended) throw new Error(`The socket ended while waiting for ${what}.`);
    await withDeadline(new Promise((resolve) => (this.#wake = resolve)), what);
  }

  async #readHead() {
    for (;;) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end >= 0) {
        const head = this.#bytes.subarray(0, end).toString();
        this.#bytes = this.#bytes.subarray(end + 4);
        return head;
      }
      await this.#more("the answer to the upgrade");
    }
  }

  send(opcode, payload = "", options = {}) {
    this.#socket.write(encodeFrame(opcode, payload, options));
  }

  sendBytes(bytes) {
    this.#socket.write(bytes);
  }

  #parse() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    let length = bytes[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      length = bytes.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      length = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    if (bytes.length < at + length) return undefined;
    const frame = { fin: (bytes[0] & 0x80) !== 0, rsv: (bytes[0] >> 4) & 7, opcode: bytes[0] & 15, masked: (bytes[1] & 0x80) !== 0, payload: Buffer.from(bytes.subarray(at, at + length)) };
    this.#bytes = bytes.subarray(at + length);
    return frame;
  }

  /** The next frame for which the predicate holds; others before it are kept in `skipped`. */
  async frame(predicate = () => true, what = "a frame") {
    for (;;) {
      const frame = this.#parse();
      if (!frame) {
        await this.#more(what);
        continue;
      }
      if (predicate(frame)) return frame;
      this.#frames.push(frame);
    }
  }

  get skipped() {
    return this.#frames;
  }

  /** The close frame of the server, as code and reason. */
  async closeFrame() {
    const frame = await this.frame((one) => one.opcode === OPCODE.close, "the close frame");
    return frame.payload.length < 2 ? { code: 1005, reason: "" } : { code: frame.payload.readUInt16BE(0), reason: frame.payload.subarray(2).toString() };
  }

  /** Resolves when the server has ended the TCP connection. */
  async ended() {
    while (!this.#ended) await withDeadline(new Promise((resolve) => (this.#wake = resolve)), "the end of the TCP connection");
  }

  /** Sends last bytes together with the end of the client's side. */
  end(bytes) {
    this.#socket.end(bytes);
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  destroy() {
    this.#socket.destroy();
  }
}
