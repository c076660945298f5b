// An event listener of Azure Event Hubs, from the client's event to the message that the event hub keeps.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { until } from "./support/deadline.mjs";
import { EventHubs, isSigned } from "./support/event_hubs.mjs";
import { startConfigured } from "./support/handler.mjs";
import { RawClient } from "./support/raw_client.mjs";

const KEY = "c2VuZGVyLWtleQ==";
const authority = new Authority();
const listener = (events, more = 'user_event_pattern = "*"\nsystem_events = ["connected", "disconnected"]') => `[[hubs.chat.event_listeners]]\nname = "copies"\n${more}\nevent_hubs = { connection_string = "${events.connectionString(KEY)}" }\n`;
let addresses = 0;

/** An address of its own for each test: all of them use the one port of the protocol. */
function place() {
  addresses += 1;
  const address = `127.${50 + (process.pid % 200)}.${process.pid % 250}.${addresses}`;
  return { address, credentials: authority.server(`IP:${address}`), hub: "events" };
}

const start = (events, more) => startConfigured(listener(events, more), { env: { SSL_CERT_FILE: authority.file } });
const USER_EVENTS = 'user_event_pattern = "*"';

async function sends(client, data, ackId) {
  client.send({ type: "event", event: "e", dataType: "text", data, ackId });
  assert.equal((await client.ack(ackId)).success, true, "a listener takes the event");
}

/** Only there is every address of 127.0.0.0/8 the machine's own. */
const onLinux = process.platform === "linux" ? describe : (name) => console.warn(`${name}: not tested, since this is not Linux`);

onLinux("an Azure Event Hubs listener", () => {
  test("gets each event as the managed service sends it", async () => {
    const events = await EventHubs.start(place());
    const service = await start(events);
    const client = await RawClient.json(service, "chat", { userId: "üser" });
    client.send({ type: "event", event: "Say.It", dataType: "text", data: "grüezi", metadata: { Key: "a, b" }, ackId: 1 });
    assert.equal((await client.ack(1)).success, true, "a listener takes the event");
    client.sendText('{"type":"event","event":"json","dataType":"json","data":{"b":  1.50},"ackId":2}');
    await client.ack(2);
    await client.close(1000, "bye");
    await events.untilTaken(4);
    const id = client.connectionId;
    const common = {
      "cloudEvents:specversion": "1.0",
      "cloudEvents:awpsversion": "1.0",
      "cloudEvents:source": `/hubs/chat/client/${id}`,
      "cloudEvents:hub": "chat",
      "cloudEvents:connectionid": id,
      "cloudEvents:userid": "üser",
      "cloudEvents:subprotocol": "json.webpubsub.azure.v1",
    };
    const expected = [
      ["connected", "sys.connected", "application/json", "{}", {}],
      ["Say.It", "user.Say.It", "text/plain", "grüezi", { "x-webpubsub-metadata-key": "a, b" }],
      ["json", "user.json", "application/json", '{"b":  1.50}', {}],
      ["disconnected", "sys.disconnected", "application/json", '{"reason":"bye"}', {}],
    ];
    for (const [index, [name, type, contentType, body, more]] of expected.entries()) {
      const { properties, ...event } = events.taken[index];
      const { "cloudEvents:time": time, ...rest } = properties;
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual(event, { partitionKey: id, id: `${id}/${index + 1}`, contentType, body });
      assert.deepEqual(rest, { ...common, ...more, "cloudEvents:id": String(index + 1), "cloudEvents:eventname": name, "cloudEvents:type": `azure.webpubsub.${type}` });
    }
    const [{ token, ...shown }] = events.tokens;
    assert.deepEqual([shown.operation, shown.type, shown.name], ["put-token", "servicebus.windows.net:sastoken", events.targets[0]]);
    assert.ok(isSigned(token, KEY), token);
    assert.equal(new URL(events.targets[0]).pathname, "/events");
    await service.stop();
    await events.vanish();
  });

  test("that rejects an event gets it again before the connection's next, and meanwhile those of others", async () => {
    const events = await EventHubs.start(place());
    // It is taken once the other connection's event was, and has been repeated by then.
    const rejects = () => !events.taken.some(({ body }) => body === "other") || events.arrived.filter(({ body }) => body === "no").length < 3;
    events.decide = ({ body }) => (body === "no" && rejects() ? "rejected" : "accepted");
    const service = await start(events, USER_EVENTS);
    const [client, other] = await Promise.all([RawClient.json(service, "chat"), RawClient.json(service, "chat")]);
    await sends(client, "no", 1);
    await until(() => events.arrived.length > 0, "the first rejection");
    await sends(client, "next", 2);
    await sends(other, "other", 1);
    await events.untilTaken(3);
    assert.deepEqual(events.taken.map(({ body }) => body), ["other", "no", "next"]);
    const repeated = events.arrived.filter(({ body }) => body === "no");
    assert.ok(repeated.length >= 3);
    for (const { id } of repeated) assert.equal(id, `${client.connectionId}/2`);
    assert.match(service.output.stderr, /not this one/);
    await RawClient.closeAll(client, other);
    await service.stop();
    await events.vanish();
  });

  test("that vanishes gets everything in order once it is back, and nobody waits for it", async () => {
    const where = place();
    const events = await EventHubs.start(where);
    const service = await start(events, USER_EVENTS);
    const client = await RawClient.json(service, "chat");
    await sends(client, "1", 1);
    await events.untilTaken(1);
    await events.vanish();
    for (let number = 2; number <= 10; number += 1) await sends(client, String(number), number);
    const back = await EventHubs.start(where);
    await back.untilTaken(9);
    assert.deepEqual(back.taken.map(({ body }) => body), Array.from({ length: 9 }, (_, index) => String(index + 2)));
    await client.close(1000);
    await service.stop();
    await back.vanish();
  });

  test("that does not accept the token says so, without the key", async () => {
    const events = await EventHubs.start(place());
    events.admit = () => [401, "Unauthorized: wrong signature"];
    const service = await start(events, USER_EVENTS);
    const client = await RawClient.json(service, "chat");
    await sends(client, "x", 1);
    await until(() => /event is not delivered yet.*(401|wrong signature)/s.test(service.output.stderr), () => `the refusal; ${service.output.stderr.slice(-3000)}`, 40_000);
    assert.equal(service.output.stderr.includes(KEY), false);
    assert.equal(events.arrived.length, 0);
    await client.close(1000);
    service.kill();
    await events.vanish();
  });
});
