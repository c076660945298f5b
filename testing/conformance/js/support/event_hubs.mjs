// A namespace of Azure Event Hubs, as far as a producer sees it: AMQP 1.0 over TLS, tokens by `$cbs`, and one event hub.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import rhea from "rhea";
import { until } from "./deadline.mjs";

/** The port is that of the protocol, since connection strings have none. An address of its own keeps it free. */
const PORT = 5671;

export class EventHubs {
  /** Messages that were taken, in their order. */
  taken = [];
  /** Messages that arrived, whatever became of them. */
  arrived = [];
  /** Tokens that were shown. */
  tokens = [];
  /** Links that producers opened. */
  targets = [];
  connections = 0;
  /** Says `"rejected"` of an event that is not taken. */
  decide = () => "accepted";
  /** What a token is answered with. */
  admit = () => [202, "Accepted"];

  #sockets = new Set();

  static async start({ address, credentials, hub }) {
    const events = new EventHubs();
    events.address = address;
    events.hub = hub;
    events.container = rhea.create_container();
    events.container.options = { autoaccept: false };
    events.#serve();
    events.server = events.container.listen({ host: address, port: PORT, transport: "tls", ...credentials, receiver_options: { autoaccept: false } });
    events.server.on("secureConnection", (socket) => {
      events.connections += 1;
      events.#sockets.add(socket);
      socket.on("close", () => events.#sockets.delete(socket));
    });
    await once(events.server, "listening");
    return events;
  }

  connectionString(key) {
    return `Endpoint=sb://${this.address}/;SharedAccessKeyName=sender;SharedAccessKey=${key};EntityPath=${this.hub}`;
  }

  #serve() {
    const { container } = this;
    const replies = new Map();
    container.sasl_server_mechanisms.enable_anonymous();
    container.on("connection_error", () => {});
    container.on("protocol_error", () => {});
    container.on("disconnected", () => {});
    container.on("sender_open", ({ sender }) => {
      // The way back of `$cbs`: its target is the address that requests name.
      sender.set_source({ address: sender.remote.attach.source.address });
      sender.set_target({ address: sender.remote.attach.target.address });
      replies.set(sender.connection, sender);
    });
    container.on("receiver_open", ({ receiver }) => {
      const { address } = receiver.remote.attach.target;
      // The largest message, which producers cut their batches by.
      receiver.local.attach.max_message_size = 1 << 20;
      receiver.set_target({ address });
      receiver.set_source({ address: receiver.remote.attach.source?.address });
      if (address !== "$cbs") this.targets.push(address);
    });
    container.on("message", ({ message, delivery, receiver }) => {
      if (receiver.remote.attach.target.address === "$cbs") {
        this.tokens.push({ ...message.application_properties, token: message.body });
        delivery.accept();
        const [code, description] = this.admit();
        replies.get(receiver.connection).send({ correlation_id: message.message_id, to: message.reply_to, application_properties: { "status-code": code, "status-description": description }, body: "" });
        return;
      }
      const event = opened(message);
      this.arrived.push(event);
      if (this.decide(event) !== "rejected") {
        delivery.accept();
        this.taken.push(event);
      } else {
        delivery.reject({ condition: "amqp:not-allowed", description: "not this one" });
      }
    });
  }

  /** Ends all connections without a word, and takes no more. */
  async vanish() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async untilTaken(count) {
    await until(() => this.taken.length >= count, () => `${count} messages; there are ${this.taken.length} of ${this.arrived.length}`, 40_000);
  }
}

/** The event in a batch of one: an envelope whose payload is the whole message once more. */
function opened(bytes) {
  const envelope = rhea.message.decode(bytes);
  const event = rhea.message.decode(envelope.body.content);
  return {
    partitionKey: envelope.message_annotations["x-opt-partition-key"],
    id: event.message_id,
    contentType: event.content_type,
    properties: event.application_properties,
    body: event.body.content.toString("utf8"),
  };
}

/** Whether a token is what the key signs. */
export function isSigned(token, key) {
  const [, resource] = /sr=([^&]+)/.exec(token);
  const parts = new URLSearchParams(token.replace("SharedAccessSignature ", ""));
  const expected = createHmac("sha256", key).update(`${resource}\n${parts.get("se")}`).digest("base64");
  return parts.get("sig") === expected;
}
