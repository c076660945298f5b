// The official SDKs, set up as a test wants them.
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import { WebPubSubClient, WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol } from "@azure/web-pubsub-client";
import { until, withDeadline } from "./deadline.mjs";
import { ALL_ROLES } from "./raw_client.mjs";

/** The service client; over plain http the SDK wants to be told that this is meant. */
export function serviceClient(server, hub, options = {}) {
  return new WebPubSubServiceClient(server.connectionString, hub, { allowInsecureConnection: true, ...options });
}

export const PROTOCOLS = { json: WebPubSubJsonProtocol, reliable: WebPubSubJsonReliableProtocol };

/** The realtime client with everything recorded that it reports. */
export class RealtimeClient {
  groupMessages = [];
  serverMessages = [];
  connections = [];
  disconnections = [];
  rejoinFailures = [];
  stoppedCount = 0;

  constructor(server, hub, { protocol, options = {}, ...token } = {}) {
    this.service = serviceClient(server, hub);
    const getClientAccessUrl = async () => (await this.service.getClientAccessToken({ roles: ALL_ROLES, ...token })).url;
    this.client = new WebPubSubClient(
      { getClientAccessUrl },
      {
        // Without a protocol the SDK takes its own default, which is the reliable one.
        ...(protocol ? { protocol: PROTOCOLS[protocol]() } : {}),
        // The SDK's keep-alive timers outlive stop() by up to 40 s and would hold the test process.
        keepAliveIntervalInMs: 0,
        keepAliveTimeoutInMs: 0,
        messageRetryOptions: { maxRetries: 0 },
        reconnectRetryOptions: { retryDelayInMs: 50 },
        ...options,
      },
    );
    this.client.on("connected", (event) => this.connections.push(event));
    this.client.on("disconnected", (event) => this.disconnections.push(event));
    this.client.on("group-message", (event) => this.groupMessages.push(event.message));
    this.client.on("server-message", (event) => this.serverMessages.push(event.message));
    this.client.on("rejoin-group-failed", (event) => this.rejoinFailures.push(event));
    this.client.on("stopped", () => (this.stoppedCount += 1));
  }

  static async start(server, hub, options) {
    const started = new RealtimeClient(server, hub, options);
    await withDeadline(started.client.start(), "the SDK's start");
    await started.untilConnected(1);
    return started;
  }

  get connectionId() {
    return this.connections.at(-1).connectionId;
  }

  untilConnected(count) {
    return until(() => this.connections.length >= count, `${count} connected events`);
  }

  async untilGroupMessages(count) {
    await until(() => this.groupMessages.length >= count, () => `${count} group messages, has ${this.groupMessages.length}`);
    return this.groupMessages;
  }

  async untilServerMessages(count) {
    await until(() => this.serverMessages.length >= count, `${count} server messages`);
    return this.serverMessages;
  }

  async stop() {
    const before = this.stoppedCount;
    this.client.stop();
    await until(() => this.stoppedCount > before, "the stopped event");
  }
}
