import { signal } from "@preact/signals";
import type { Request } from "./protobuf.ts";
import { type Protocol, type Wire, fromWire, toWire, wireSize } from "./protocols.ts";

/** Frames of a playground session that are kept. */
const FRAMES_MAX = 500;
/** Acknowledged not at each message, but this often, as the official clients do. */
const ACK_EVERY_MS = 1_000;
/** An application's own code: the service takes it as a break, so that the session waits for its client. */
const BREAK_CODE = 4000;

export interface Frame {
  number: number;
  time: number;
  way: "in" | "out" | "note";
  size: number;
  text: string;
  value?: Record<string, unknown>;
  wire?: Wire;
  level?: "warning";
}

export type ClientState = { kind: "idle" } | { kind: "connecting" } | { kind: "open"; since: number } | { kind: "closed"; code: number; reason: string };

/** A client of the service inside the page. */
class Client {
  readonly state = signal<ClientState>({ kind: "idle" });
  readonly frames = signal<Frame[]>([]);
  readonly connectionId = signal<string | undefined>(undefined);
  /** The largest sequence id that has come, and the largest that was acknowledged. */
  readonly sequence = signal({ seen: 0, acknowledged: 0 });
  readonly acknowledges = signal(true);
  readonly canRecover = signal(false);

  protocol: Protocol | undefined;
  #socket: WebSocket | undefined;
  #url = "";
  #token: string | undefined;
  #number = 0;
  #ackId = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  connect(url: string, protocol: Protocol) {
    this.#url = url;
    this.#token = undefined;
    this.connectionId.value = undefined;
    this.sequence.value = { seen: 0, acknowledged: 0 };
    this.#open(url, protocol);
  }

  /** Takes up the session that a break has left. */
  recover() {
    const url = new URL(this.#url);
    url.search = "";
    url.searchParams.set("awps_connection_id", this.connectionId.value!);
    url.searchParams.set("awps_reconnection_token", this.#token!);
    this.#open(url.toString(), this.protocol!);
  }

  close() {
    this.#socket?.close(1000);
  }

  /** Leaves without goodbye, as far as a browser can: a reliable session goes on without its client. */
  breakOff() {
    this.#socket?.close(BREAK_CODE, "broken off by the playground");
  }

  nextAckId() {
    this.#ackId += 1;
    return this.#ackId;
  }

  request(request: Request) {
    this.#send(toWire(this.protocol!, request), request);
  }

  /** What a simple client sends: the payload and nothing else. */
  raw(wire: Wire) {
    this.#send(wire);
  }

  acknowledge() {
    const { seen } = this.sequence.value;
    this.request({ type: "sequenceAck", sequenceId: seen });
    this.sequence.value = { seen, acknowledged: seen };
  }

  clear() {
    this.frames.value = [];
  }

  #open(url: string, protocol: Protocol) {
    clearInterval(this.#timer);
    this.protocol = protocol;
    this.state.value = { kind: "connecting" };
    this.canRecover.value = false;
    const socket = protocol.subprotocol ? new WebSocket(url, protocol.subprotocol) : new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.state.value = { kind: "open", since: Date.now() };
      this.#note(`Connected${socket.protocol ? ` as ${socket.protocol}` : " without a subprotocol"}.`);
      if (protocol.isReliable) this.#timer = setInterval(() => this.#acknowledgeIfDue(), ACK_EVERY_MS);
    };
    socket.onmessage = ({ data }) => this.#received(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    socket.onclose = ({ code, reason }) => this.#ended(code, reason, wasOpen);
  }

  #ended(code: number, reason: string, wasOpen: boolean) {
    clearInterval(this.#timer);
    this.state.value = { kind: "closed", code, reason };
    this.canRecover.value = wasOpen && this.#token !== undefined && code !== 1000 && code !== 1008;
    const why = wasOpen ? `Closed with ${code}${reason ? `: ${reason}` : ""}.` : "The handshake failed. Browsers do not tell why; the live trace does, as a refused connection.";
    this.#note(why, code === 1000 ? undefined : "warning");
  }

  #received(wire: Wire) {
    const { value, text } = fromWire(this.protocol!, wire);
    this.#push({ way: "in", size: wireSize(wire), text, wire, ...(value && { value }), ...(value?.success === false && { level: "warning" as const }) });
    if (value?.type === "system" && value.event === "connected") {
      this.connectionId.value = value.connectionId as string;
      this.#token = value.reconnectionToken as string | undefined;
    }
    if (typeof value?.sequenceId === "number") this.sequence.value = { ...this.sequence.value, seen: Math.max(this.sequence.value.seen, value.sequenceId) };
  }

  #send(wire: Wire, value?: Request) {
    if (this.#socket?.readyState !== WebSocket.OPEN) throw new Error("The client is not connected.");
    this.#socket.send(wire);
    const text = value ? JSON.stringify(value) : fromWire(this.protocol!, wire).text;
    this.#push({ way: "out", size: wireSize(wire), text, wire, ...(value && { value }) });
  }

  #acknowledgeIfDue() {
    const { seen, acknowledged } = this.sequence.value;
    if (this.acknowledges.value && seen > acknowledged && this.state.value.kind === "open") this.acknowledge();
  }

  #note(text: string, level?: "warning") {
    this.#push({ way: "note", size: 0, text, ...(level && { level }) });
  }

  #push(frame: Omit<Frame, "number" | "time">) {
    this.#number += 1;
    this.frames.value = [...this.frames.value.slice(-FRAMES_MAX + 1), { number: this.#number, time: Date.now(), ...frame }];
  }
}

/** One client for the page: it stays connected while other pages are looked at. */
export const client = new Client();
