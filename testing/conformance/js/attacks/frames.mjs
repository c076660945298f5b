// WebSocket frames that break rules, say nothing in many pieces, or grow when they are read.
import { constants, deflateRawSync } from "node:zlib";
import { BareSocket, OPCODE, encodeFrame } from "../support/bare_socket.mjs";
import { JSON_PROTOCOL } from "../support/raw_client.mjs";
import { clientUrl } from "../support/rest.mjs";

const PING = '{"type":"ping"}';
const MIB = 1 << 20;

/** The close code that the service answers something with. */
function closes(send, { protocol = JSON_PROTOCOL, extensions } = {}) {
  return async (server, hub) => {
    const bare = await BareSocket.open(clientUrl(server, hub), protocol, extensions);
    send(bare);
    const { code } = await bare.closeFrame();
    bare.destroy();
    return `closed with ${code}`;
  };
}

/** The service takes it, and answers a ping of the protocol that comes behind it. */
function endures(send, { extensions } = {}) {
  return async (server, hub) => {
    const bare = await BareSocket.open(clientUrl(server, hub), JSON_PROTOCOL, extensions);
    send(bare);
    bare.send(OPCODE.text, PING);
    await bare.frame((frame) => frame.payload.toString() === '{"type":"pong"}', "the pong");
    bare.destroy();
    return "served";
  };
}

const closeFrame = (code, reason = "") => Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
const repeated = (frame, times) => Buffer.concat(Array.from({ length: times }, () => frame));
const deflated = (bytes) => deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const DEFLATE = { extensions: "permessage-deflate" };

export const FRAME_ATTACKS = [
  { attack: "a length of 5 written in 16 bits", outcome: "closed with 1002", act: closes((bare) => bare.sendBytes(Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]))) },
  { attack: "a length of 5 written in 64 bits", outcome: "closed with 1002", act: closes((bare) => bare.sendBytes(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]))) },
  { attack: "a length with its highest bit set", outcome: "closed with 1002", act: closes((bare) => bare.sendBytes(Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]))) },
  { attack: "a message of 8 EiB that is only announced", outcome: "closed with 1009", act: closes((bare) => bare.sendBytes(Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]))) },
  ...[0, 999, 1004, 1006, 1012, 1015, 1016, 2999, 5000, 65_535].map((code) => ({ attack: `a close frame with code ${code}`, outcome: code === 1012 ? "closed with 1012" : "closed with 1002", act: closes((bare) => bare.send(OPCODE.close, closeFrame(code))) })),
  { attack: "a close reason that is not UTF-8", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.close, Buffer.from([3, 0xe8, 0xff, 0xfe]))) },
  { attack: "text with an encoded surrogate", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))) },
  { attack: "text with a slash in two bytes", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x22, 0xc0, 0xaf, 0x22]))) },
  { attack: "text with a code point beyond Unicode", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]))) },
  { attack: "text that ends within a character", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x22, 0xe2, 0x82]))) },
  { attack: "text in a fragment that is wrong already, without an end", outcome: "closed with 1007", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x22, 0xff]), { fin: false })) },
  { attack: "50,000 pings in one write", outcome: "served", act: endures((bare) => bare.sendBytes(repeated(encodeFrame(OPCODE.ping, "x".repeat(10)), 50_000))) },
  { attack: "50,000 pongs that nobody asked for", outcome: "served", act: endures((bare) => bare.sendBytes(repeated(encodeFrame(OPCODE.pong, "x".repeat(125)), 50_000))) },
  { attack: "100,000 empty fragments of one message", outcome: "served", act: endures((bare) => {
    bare.send(OPCODE.text, PING, { fin: false });
    bare.sendBytes(repeated(encodeFrame(OPCODE.continuation, "", { fin: false }), 100_000));
    bare.send(OPCODE.continuation, "");
  }) },
  { attack: "a message of 20,000 fragments of one byte", outcome: "served", act: endures((bare) => {
    bare.send(OPCODE.text, " ", { fin: false });
    bare.sendBytes(repeated(encodeFrame(OPCODE.continuation, " ", { fin: false }), 20_000));
    bare.send(OPCODE.continuation, PING);
  }) },
  { attack: "fragments without an end, 2 MiB of them", outcome: "closed with 1009", act: closes((bare) => {
    bare.send(OPCODE.text, " ".repeat(1000), { fin: false });
    bare.sendBytes(repeated(encodeFrame(OPCODE.continuation, " ".repeat(64_000), { fin: false }), 33));
  }) },
  { attack: "a ping within each of 10,000 fragments", outcome: "served", act: endures((bare) => {
    bare.send(OPCODE.text, " ", { fin: false });
    bare.sendBytes(repeated(Buffer.concat([encodeFrame(OPCODE.ping, ""), encodeFrame(OPCODE.continuation, " ", { fin: false })]), 10_000));
    bare.send(OPCODE.continuation, PING);
  }) },
  { attack: "10,000 writes of one byte", outcome: "served", act: endures((bare) => {
    for (const byte of encodeFrame(OPCODE.text, " ".repeat(10_000 - PING.length) + PING)) bare.sendBytes(Buffer.from([byte]));
  }) },
  { attack: "half a frame, then the end of the client's side", outcome: "ended", act: async (server, hub) => {
    const bare = await BareSocket.open(clientUrl(server, hub), JSON_PROTOCOL);
    bare.end(encodeFrame(OPCODE.text, PING).subarray(0, 9));
    await bare.ended();
    return "ended";
  } },
  { attack: "100,000 messages behind the close frame", outcome: "closed with 1000", act: closes((bare) => bare.sendBytes(Buffer.concat([encodeFrame(OPCODE.close, closeFrame(1000)), repeated(encodeFrame(OPCODE.text, '{"type":"joinGroup","group":"g"}'), 100_000)]))) },
  { attack: "a deflated bomb of 1 GiB", outcome: "closed with 1009", act: closes((bare) => bare.send(OPCODE.text, bomb(), { rsv: 4 }), DEFLATE) },
  { attack: "a deflated bomb in 1,000 fragments", outcome: "closed with 1009", act: closes((bare) => {
    const bytes = bomb();
    const step = Math.ceil(bytes.length / 1000);
    for (let at = 0; at < bytes.length; at += step) bare.send(at ? OPCODE.continuation : OPCODE.text, bytes.subarray(at, at + step), { rsv: at ? 0 : 4, fin: at + step >= bytes.length });
  }, DEFLATE) },
  { attack: "200,000 empty deflate blocks", outcome: "served", act: endures((bare) => bare.send(OPCODE.text, Buffer.concat([repeated(Buffer.from([0, 0, 0, 255, 255]), 200_000), deflated(PING)]), { rsv: 4 }), DEFLATE) },
  { attack: "deflated bytes that are none", outcome: "closed with 1002", act: closes((bare) => bare.send(OPCODE.text, Buffer.alloc(1000, 0xff), { rsv: 4 }), DEFLATE) },
  { attack: "a back reference to before the message", outcome: "closed with 1002", act: closes((bare) => bare.send(OPCODE.text, Buffer.from([0x02, 0x02, 0x00]), { rsv: 4 }), DEFLATE) },
  { attack: "the compression bit on a ping", outcome: "closed with 1002", act: closes((bare) => bare.send(OPCODE.ping, "x", { rsv: 4 }), DEFLATE) },
  { attack: "the compression bit on a continuation", outcome: "closed with 1002", act: closes((bare) => {
    bare.send(OPCODE.text, deflated(PING).subarray(0, 5), { fin: false, rsv: 4 });
    bare.send(OPCODE.continuation, deflated(PING).subarray(5), { rsv: 4 });
  }, DEFLATE) },
  { attack: "the compression bit, which nobody agreed on", outcome: "closed with 1002", act: closes((bare) => bare.send(OPCODE.text, deflated(PING), { rsv: 4 })) },
  { attack: "2,000 messages that do not compress, to a group whose members want compression", outcome: "served", act: async (server, hub) => {
    const options = { roles: ["webpubsub.sendToGroup"], groups: ["g"], query: { webpubsub_mode: "sendToGroup", group: "g" } };
    const bare = await BareSocket.open(clientUrl(server, hub, options), undefined, DEFLATE.extensions);
    for (let n = 0; n < 2000; n += 1) bare.send(OPCODE.binary, noise());
    for (let n = 0; n < 2000; n += 1) await bare.frame((frame) => frame.opcode === OPCODE.binary, `message ${n}`);
    bare.destroy();
    return "served";
  } },
];

let bombBytes;
function bomb() {
  bombBytes ??= deflated(Buffer.alloc(1024 * MIB, 0x20));
  return bombBytes;
}

/** 300 bytes in which nothing repeats. */
function noise() {
  return Buffer.from(Array.from({ length: 300 }, () => Math.floor(Math.random() * 256)));
}
