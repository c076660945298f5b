// A WebSocket client that knows frames, not SDK behaviour: it records everything it is sent.
import WebSocket from "ws";
import { DEADLINE_MS, withDeadline } from "./deadline.mjs";
import { clientUrl } from "./rest.mjs";

export const JSON_PROTOCOL = "json.webpubsub.azure.v1";
export const RELIABLE_PROTOCOL = "json.reliable.webpubsub.azure.v1";

/** The roles that let a client do everything with every group. */
export const ALL_ROLES = ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"];

/** The upgrade was answered with an HTTP status instead of 101. */
export class HandshakeRefused extends Error {
  constructor(status, headers, body) {
    super(`The upgrade was refused with HTTP ${status}: ${body}`);
    Object.assign(this, { status, headers, body });
  }
}

/** The error of what must not succeed, such as a handshake. */
export function refusal(promise) {
  return promise.then(() => Promise.reject(new Error("It was let in.")), (error) => error);
}

export class RawClient {
  #socket;
  #frames = [];
  #waiting = [];
  #nextAckId = 1_000_000;
  #closed;
  #opened;

  constructor(url, { protocols = [], headers = {}, compression = false, tls = {} } = {}) {
    const perMessageDeflate = compression && { threshold: 0, ...compression };
    this.#socket = new WebSocket(url, protocols, { ...tls, perMessageDeflate, headers, maxPayload: 64 * 1024 * 1024 });
    // The server may drop the socket at any time: that is a fact to record, not an error to throw.
    this.#socket.on("error", () => {});
    this.pongs = [];
    this.#socket.on("pong", (payload) => this.pongs.push(payload.toString()));
    this.#socket.on("message", (data, isBinary) => this.#record(data, isBinary));
    this.#closed = new Promise((resolve) => {
      this.#socket.once("close", (code, reason) => {
        this.ending = { code, reason: reason.toString() };
        this.#settle();
        resolve(this.ending);
      });
    });
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.once("upgrade", (response) => (this.upgradeHeaders = response.headers));
      this.#socket.once("open", () => resolve(this));
      this.#socket.once("unexpected-response", (_, response) => {
        const { socket } = response;
        let body = "";
        response.on("data", (part) => (body += part));
        response.on("end", () => {
          // It would stay open as an idle HTTP connection.
          socket.destroy();
          reject(new HandshakeRefused(response.statusCode, response.headers, body));
        });
      });
      this.#socket.once("error", reject);
    });
  }

  /** Opens a connection at a URL. */
  static connect(url, options = {}) {
    return withDeadline(new RawClient(url, options).#opened, `the upgrade of ${url.slice(0, 80)}`);
  }

  /** A JSON client that has been told its connection id. */
  static async json(server, hub, options = {}) {
    const { protocol = JSON_PROTOCOL, headers, compression, tls, ...rest } = options;
    const client = await RawClient.connect(clientUrl(server, hub, { roles: ALL_ROLES, ...rest }), { protocols: [protocol], headers, compression, tls });
    await client.connected();
    return client;
  }

  static reliable(server, hub, options = {}) {
    return RawClient.json(server, hub, { protocol: RELIABLE_PROTOCOL, ...options });
  }

  static simple(server, hub, options = {}) {
    return RawClient.connect(clientUrl(server, hub, options));
  }

  #record(data, isBinary) {
    const frame = { isBinary, data };
    if (!isBinary) {
      frame.text = data.toString("utf8");
      try {
        frame.json = JSON.parse(frame.text);
      } catch {
        // Simple clients get text that need not be JSON.
      }
    }
    frame.at = this.#frames.push(frame) - 1;
    this.#settle();
  }

  #settle() {
    this.#waiting = this.#waiting.filter((waiter) => {
      const frame = this.#take(waiter.predicate);
      if (frame) waiter.resolve(frame);
      else if (this.ending) waiter.reject(new Error(`Closed with ${this.ending.code} "${this.ending.reason}" while waiting for ${waiter.what}; saw ${this.#summary()}`));
      return !frame && !this.ending;
    });
  }

  #take(predicate) {
    const frame = this.#frames.find((one) => !one.taken && predicate(one));
    if (frame) frame.taken = true;
    return frame;
  }

  #summary() {
    return JSON.stringify(this.#frames.slice(-8).map((one) => (one.text ?? one.data.toString("base64")).slice(0, 200)));
  }

  /** The first frame, not yet taken, for which the predicate holds; waits for it if need be. */
  frame(predicate = () => true, what = "a frame", deadlineMs = DEADLINE_MS) {
    const frame = this.#take(predicate);
    if (frame) return Promise.resolve(frame);
    const arrives = new Promise((resolve, reject) => {
      this.#waiting.push({ predicate, resolve, reject, what });
      if (this.ending) this.#settle();
    });
    return withDeadline(arrives, () => `${what}; saw ${this.#summary()}`, deadlineMs);
  }

  /** The next frame of any kind that no test step has looked at. */
  next(what) {
    return this.frame(() => true, what);
  }

  /** The next data message, as a value. */
  async message(predicate = () => true) {
    return (await this.frame((one) => one.json?.type === "message" && predicate(one.json), "a message")).json;
  }

  /** The `connected` message; also keeps what recovery needs. */
  async connected() {
    const frame = await this.frame((one) => one.json?.event === "connected", "the connected message");
    this.connectionId = frame.json.connectionId;
    this.reconnectionToken = frame.json.reconnectionToken;
    this.connectedMessage = frame.json;
    return frame.json;
  }

  async disconnected() {
    return (await this.frame((one) => one.json?.event === "disconnected", "the disconnected message")).json;
  }

  async ack(ackId) {
    return (await this.frame((one) => one.json?.type === "ack" && one.json.ackId === ackId, `the ack of ${ackId}`)).json;
  }

  /** Frames that no test step has taken. */
  get unseen() {
    return this.#frames.filter((one) => !one.taken);
  }

  /** Bytes that have come over the socket so far, as they were on the wire. */
  get wireBytes() {
    return this.#socket._socket.bytesRead;
  }

  get frames() {
    return this.#frames;
  }

  get protocol() {
    return this.#socket.protocol;
  }

  get socket() {
    return this.#socket;
  }

  sendText(text) {
    this.#socket.send(text);
  }

  sendBinary(bytes) {
    this.#socket.send(bytes, { binary: true });
  }

  send(value) {
    this.#socket.send(JSON.stringify(value));
  }

  /** Sends a request with an ack id and resolves with the ack. */
  request(value) {
    const ackId = value.ackId ?? this.#nextAckId++;
    this.send({ ...value, ackId });
    return this.ack(ackId);
  }

  join(group) {
    return this.request({ type: "joinGroup", group });
  }

  leave(group) {
    return this.request({ type: "leaveGroup", group });
  }

  publish(group, data, more = {}) {
    return this.request({ type: "sendToGroup", group, dataType: "text", data, ...more });
  }

  /** Resolves when the server has handled everything sent before: requests of a connection are served in order. */
  async settled() {
    this.send({ type: "ping" });
    await this.frame((one) => one.json?.type === "pong", "the pong");
  }

  closed(deadlineMs) {
    return withDeadline(this.#closed, () => `the close; saw ${this.#summary()}`, deadlineMs);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
    return this.closed();
  }

  /** Breaks the TCP connection without a close frame. */
  cut() {
    this.#socket.terminate();
  }

  /** Closes whatever is left open at the end of a test. */
  static async closeAll(...clients) {
    await Promise.all(clients.map((client) => (client.ending ? undefined : client.close(1000))));
  }
}

/** The URL by which a reliable session is recovered. */
export function recoveryUrl(server, hub, connectionId, reconnectionToken, { accessToken } = {}) {
  const query = { awps_connection_id: connectionId };
  if (reconnectionToken !== undefined) query.awps_reconnection_token = reconnectionToken;
  return clientUrl(server, hub, { token: accessToken ?? null, query });
}

export function recover(server, hub, client, protocols = [RELIABLE_PROTOCOL]) {
  return RawClient.connect(recoveryUrl(server, hub, client.connectionId, client.reconnectionToken), { protocols });
}
