// A socket that speaks HTTP/2 (RFC 9113) frame by frame, for what a well-behaved library refuses to send.
import net from "node:net";
import { withDeadline } from "./deadline.mjs";

/** Types of frames; `end` stands for the end of the socket. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8, continuation: 9, end: -1 };

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** An integer of HPACK (RFC 7541 §5.1) behind the bits that stand before it. */
function integer(value, prefixBits, first = 0) {
  const most = (1 << prefixBits) - 1;
  if (value < most) return [first | value];
  const bytes = [first | most];
  for (value -= most; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

/** Headers as HPACK, without Huffman; `indexed` names the one that goes into the table, to be repeated by its number. */
export class HpackHeaders {
  constructor(headers, { indexed } = {}) {
    this.headers = headers;
    this.bytes = Buffer.concat(headers.map(([name, value]) => {
      const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
      return Buffer.concat([Buffer.from([name === indexed ? 0x40 : 0, ...integer(nameBytes.length, 7)]), nameBytes, Buffer.from(integer(valueBytes.length, 7)), valueBytes]);
    }));
  }
}

export class Http2Socket {
  #socket;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  static async open(port) {
    const http2 = new Http2Socket();
    http2.#socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    http2.#socket.on("error", () => {});
    http2.#socket.on("close", () => {
      http2.#ended = true;
      http2.#wake();
    });
    http2.#socket.on("data", (bytes) => {
      http2.#bytes = Buffer.concat([http2.#bytes, bytes]);
      http2.#wake();
    });
    http2.#socket.write(PREFACE);
    http2.frame(FRAME.settings, { payload: Buffer.alloc(0) });
    await http2.next((frame) => frame.type === FRAME.settings);
    return http2;
  }

  /** The head of a frame alone. */
  head(type, { flags = 0, stream = 0, length }) {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#socket.write(head);
  }

  frame(type, { flags = 0, stream = 0, payload }) {
    this.head(type, { flags, stream, length: payload.length });
    this.#socket.write(payload);
  }

  #parse() {
    if (this.#bytes.length < 9) return undefined;
    const length = this.#bytes.readUIntBE(0, 3);
    if (this.#bytes.length < 9 + length) return undefined;
    const frame = { type: this.#bytes[3], flags: this.#bytes[4], stream: this.#bytes.readUInt32BE(5), payload: this.#bytes.subarray(9, 9 + length) };
    this.#bytes = this.#bytes.subarray(9 + length);
    return frame;
  }

  /** The next frame for which the predicate holds, or the end of the socket. */
  async next(predicate) {
    for (;;) {
      const frame = this.#parse();
      if (frame && predicate(frame)) return frame;
      if (frame) continue;
      if (this.#ended) return { type: FRAME.end };
      await withDeadline(new Promise((resolve) => (this.#wake = resolve)), "a frame of HTTP/2");
    }
  }

  destroy() {
    this.#socket.destroy();
  }
}
