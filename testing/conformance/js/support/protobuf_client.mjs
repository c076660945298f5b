// A protobuf client made from the published schema: it knows the schema's messages, and nothing of the service.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Long from "long";
import protobuf from "protobufjs";
import { ALL_ROLES, RawClient, recoveryUrl } from "./raw_client.mjs";
import { clientUrl } from "./rest.mjs";

export const PROTOBUF_PROTOCOL = "protobuf.webpubsub.azure.v1";
export const RELIABLE_PROTOBUF_PROTOCOL = "protobuf.reliable.webpubsub.azure.v1";

protobuf.util.Long = Long;
protobuf.configure();
const SCHEMA = fileURLToPath(new URL("../../../../crates/protocol/proto/webpubsub.proto", import.meta.url));
const { root } = protobuf.parse(readFileSync(SCHEMA, "utf8"), new protobuf.Root(), { keepCase: true });
root.addJSON(protobuf.common.get("google/protobuf/any.proto").nested);
root.resolveAll();

export const Upstream = root.lookupType("azure.webpubsub.UpstreamMessage");
export const Downstream = root.lookupType("azure.webpubsub.DownstreamMessage");
const Any = root.lookupType("google.protobuf.Any");

/** The bytes of a request, given with the schema's own names: `{ ping_message: {} }`. */
export function encode(message) {
  const error = Upstream.verify(message);
  if (error) throw new TypeError(error);
  return Buffer.from(Upstream.encode(Upstream.fromObject(message)).finish());
}

/** A service message as a plain object: 64-bit numbers as decimal text, bytes as base64, absent fields absent. */
export function decode(bytes) {
  return Downstream.toObject(Downstream.decode(bytes), { longs: String, bytes: String });
}

/** The serialised form of an Any. */
export function anyBytes(typeUrl, value) {
  return Buffer.from(Any.encode({ type_url: typeUrl, value }).finish());
}

/** An ack of 0 has no `ack_id` on the wire: a number that is zero is never written. */
const isAckOf = ({ ack_message: ack }, ackId) => ack !== undefined && (ack.ack_id ?? "0") === String(ackId);

export class ProtobufClient {
  #nextAckId = 1_000_000;

  constructor(raw) {
    this.raw = raw;
  }

  /** A client that has been greeted. */
  static async open(server, hub, { reliable = false, compression, ...options } = {}) {
    const protocols = [reliable ? RELIABLE_PROTOBUF_PROTOCOL : PROTOBUF_PROTOCOL];
    const raw = await RawClient.connect(clientUrl(server, hub, { roles: ALL_ROLES, ...options }), { protocols, compression });
    const client = new ProtobufClient(raw);
    client.greeting = (await client.next("the greeting")).system_message.connected_message;
    client.connectionId = client.greeting.connection_id;
    client.reconnectionToken = client.greeting.reconnection_token;
    return client;
  }

  static reliable(server, hub, options = {}) {
    return ProtobufClient.open(server, hub, { reliable: true, ...options });
  }

  /** The same session on a new socket. */
  async recover(server, hub) {
    const url = recoveryUrl(server, hub, this.connectionId, this.reconnectionToken);
    this.raw = await RawClient.connect(url, { protocols: [RELIABLE_PROTOBUF_PROTOCOL] });
    return this;
  }

  send(message) {
    this.raw.sendBinary(encode(message));
  }

  sendBytes(bytes) {
    this.raw.sendBinary(Buffer.from(bytes));
  }

  /** The next frame with its bytes, and what it says. */
  async nextFrame(what = "a message", member) {
    const frame = await this.raw.frame((one) => one.isBinary && (!member || decode(one.data)[member] !== undefined), what);
    return { bytes: frame.data, message: decode(frame.data) };
  }

  async next(what, member) {
    return (await this.nextFrame(what, member)).message;
  }

  /** The next data message. */
  async data() {
    return (await this.next("a data message", "data_message")).data_message;
  }

  async ack(ackId) {
    const isAck = (one) => one.isBinary && isAckOf(decode(one.data), ackId);
    return decode((await this.raw.frame(isAck, `the ack of ${ackId}`)).data).ack_message;
  }

  /** Sends a request of one member with an ack id and resolves with the ack. */
  request(member, fields = {}) {
    const ackId = fields.ack_id ?? this.#nextAckId++;
    this.send({ [member]: { ...fields, ack_id: ackId } });
    return this.ack(ackId);
  }

  join(group) {
    return this.request("join_group_message", { group });
  }

  publish(group, data, more = {}) {
    return this.request("send_to_group_message", { group, data, ...more });
  }

  /** Resolves when the server has handled everything sent before. */
  async settled() {
    this.send({ ping_message: {} });
    await this.next("the pong", "pong_message");
  }

  async disconnected() {
    return (await this.next("the disconnected message", "system_message")).system_message.disconnected_message;
  }

  closed() {
    return this.raw.closed();
  }

  close(code) {
    return this.raw.close(code);
  }

  get ending() {
    return this.raw.ending;
  }
}
