// The protobuf subprotocols: what the JSON ones say, in the fields of proto/webpubsub.proto.
import { fromBase64, toBase64 } from "./bytes.ts";
import { Writer, fields } from "./wire.ts";

/** A request as the JSON subprotocol writes it: the page's own form, whatever goes over the wire. */
export type Request = { type: string } & Record<string, unknown>;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

export function encode(request: Request): Uint8Array<ArrayBuffer> {
  const group = request.group as string | undefined;
  const ackId = request.ackId as number | undefined;
  const message = new Writer();
  switch (request.type) {
    case "joinGroup":
      return message.message(6, new Writer().text(1, group).varint(2, ackId)).done();
    case "leaveGroup":
      return message.message(7, new Writer().text(1, group).varint(2, ackId)).done();
    case "sendToGroup": {
      const noEcho = request.noEcho === undefined ? undefined : Number(request.noEcho);
      const body = new Writer().text(1, group).varint(2, ackId).message(3, data(request));
      return message.message(1, body.varint(4, noEcho).varint(5, request.ttlSeconds as number | undefined)).done();
    }
    case "event":
      return message.message(5, new Writer().text(1, request.event as string).message(2, data(request)).varint(3, ackId)).done();
    case "sequenceAck":
      return message.message(8, new Writer().varint(1, request.sequenceId as number)).done();
    case "ping":
      return message.message(9, new Writer()).done();
    default:
      throw new Error(`The page has no protobuf form of ${request.type}.`);
  }
}

function data({ dataType, data }: Request) {
  if (dataType === "text") return new Writer().text(1, data as string);
  if (dataType === "binary") return new Writer().bytes(2, fromBase64(data as string));
  if (dataType === "protobuf") return new Writer().bytes(3, fromBase64(data as string));
  return new Writer().text(4, JSON.stringify(data));
}

/** `google.protobuf.Any`, serialised. */
export const any = (typeUrl: string, value: Uint8Array) => new Writer().text(1, typeUrl).bytes(2, value).done();

type Shape = Record<number, readonly [name: string, read: (value: never) => unknown]>;

const number = (value: bigint) => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString());
const boolean = (value: bigint) => value !== 0n;
const of = (shape: Shape) => (bytes: Uint8Array<ArrayBuffer>) => read(bytes, shape);

const ERROR: Shape = { 1: ["name", text], 2: ["message", text] };
const DATA: Shape = { 1: ["text", text], 2: ["binary", toBase64], 3: ["protobuf", toBase64], 4: ["json", text] };
const STREAM: Shape = { 1: ["streamId", text], 2: ["streamSequenceId", number], 3: ["endOfStream", boolean], 4: ["error", of(ERROR)] };
const PAIR: Shape = { 1: ["key", text], 2: ["value", text] };
const STATE_ITEM: Shape = { 1: ["connectionId", text], 2: ["userId", text], 4: ["updatedAt", number] };
const STATES: Shape = { 1: ["group", text], 2: ["items", of(STATE_ITEM)], 3: ["sequenceId", number] };
const DOWNSTREAM: Shape = {
  1: ["ack", of({ 1: ["ackId", number], 2: ["success", boolean], 3: ["error", of(ERROR)] })],
  2: ["message", of({ 1: ["from", text], 2: ["group", text], 3: ["data", of(DATA)], 4: ["sequenceId", number], 5: ["metadata", of(PAIR)], 6: ["stream", of(STREAM)] })],
  3: ["system", of({ 1: ["connected", of({ 1: ["connectionId", text], 2: ["userId", text], 3: ["reconnectionToken", text] })], 2: ["disconnected", of({ 2: ["message", text] })] })],
  4: ["pong", of({})],
  5: ["invokeResponse", of({ 1: ["invocationId", text], 2: ["success", boolean], 3: ["data", of(DATA)], 4: ["error", of(ERROR)] })],
  6: ["streamAck", of({ 1: ["streamId", text], 2: ["expectedSequenceId", number] })],
  7: ["streamNack", of({ 1: ["streamId", text], 2: ["name", text], 3: ["message", text], 4: ["expectedSequenceId", number] })],
  8: ["streamClosed", of({ 1: ["streamId", text], 2: ["error", of(ERROR)] })],
  9: ["groupStateUpdate", of(STATES)],
  10: ["groupStateSnapshot", of(STATES)],
};

function read(bytes: Uint8Array<ArrayBuffer>, shape: Shape): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { field, value } of fields(bytes)) {
    const entry = shape[field];
    // Fields of newer schemas are passed over, as the rules of protobuf say.
    if (entry) found[entry[0]] = entry[1](value as never);
  }
  return found;
}

/** A frame of the service in the form of the JSON subprotocol. */
export function decode(bytes: Uint8Array<ArrayBuffer>): Record<string, unknown> {
  const [type, content] = Object.entries(read(bytes, DOWNSTREAM))[0] ?? ["empty", {}];
  const message = content as Record<string, unknown>;
  if (type === "system") {
    const [event, more] = Object.entries(message)[0] ?? ["unknown", {}];
    return { type, event, ...(more as object) };
  }
  if (message.data) {
    const [dataType, value] = Object.entries(message.data)[0] ?? ["text", ""];
    return { type, ...message, dataType, data: dataType === "json" ? (JSON.parse(value as string) as unknown) : value };
  }
  return { type, ...message };
}
