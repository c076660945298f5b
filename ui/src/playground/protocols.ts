import { toHex } from "./bytes.ts";
import { type Request, decode, encode } from "./protobuf.ts";

/** What a client speaks, once it is connected. */
export interface Protocol {
  name: string;
  title: string;
  /** Offered in the handshake; without one the client is a simple one. */
  subprotocol?: string;
  isReliable: boolean;
  isBinary: boolean;
}

export const PROTOCOLS: Protocol[] = [
  { name: "json", title: "JSON", subprotocol: "json.webpubsub.azure.v1", isReliable: false, isBinary: false },
  { name: "json-reliable", title: "JSON, reliable", subprotocol: "json.reliable.webpubsub.azure.v1", isReliable: true, isBinary: false },
  { name: "protobuf", title: "Protobuf", subprotocol: "protobuf.webpubsub.azure.v1", isReliable: false, isBinary: true },
  { name: "protobuf-reliable", title: "Protobuf, reliable", subprotocol: "protobuf.reliable.webpubsub.azure.v1", isReliable: true, isBinary: true },
  { name: "simple", title: "Simple (no subprotocol)", isReliable: false, isBinary: false },
];

export type Wire = string | Uint8Array<ArrayBuffer>;

export function toWire(protocol: Protocol, request: Request): Wire {
  return protocol.isBinary ? encode(request) : JSON.stringify(request);
}

/** A frame as a value, if the protocol has values, and as text to be read. */
export function fromWire(protocol: Protocol, wire: Wire): { value?: Record<string, unknown>; text: string } {
  if (!protocol.subprotocol) return { text: typeof wire === "string" ? wire : toHex(wire) };
  try {
    const value = typeof wire === "string" ? (JSON.parse(wire) as Record<string, unknown>) : decode(wire);
    return { value, text: typeof wire === "string" ? wire : JSON.stringify(value) };
  } catch (error) {
    return { text: `${typeof wire === "string" ? wire : toHex(wire)} (${(error as Error).message})` };
  }
}

export const wireSize = (wire: Wire) => (typeof wire === "string" ? new TextEncoder().encode(wire).length : wire.length);
