// Messages of the subprotocols that are wrong, absurd, or too many, and recoveries of sessions that belong to others.
import { PROTOBUF_PROTOCOL } from "../support/protobuf_client.mjs";
import { RELIABLE_PROTOCOL, RawClient, recoveryUrl } from "../support/raw_client.mjs";
import { clientUrl } from "../support/rest.mjs";

/** How the service closes a client that sends this. */
function closes(send, { kind = "json" } = {}) {
  return async (server, hub) => {
    const client = await RawClient[kind](server, hub);
    send(client);
    return `closed with ${(await client.closed()).code}`;
  };
}

const text = (message) => closes((client) => client.sendText(message));
const binary = (bytes) => async (server, hub) => {
  const client = await RawClient.connect(clientUrl(server, hub), { protocols: [PROTOBUF_PROTOCOL] });
  client.sendBinary(Buffer.from(bytes));
  return `closed with ${(await client.closed()).code}`;
};

/** The error of an acknowledgement, or that there is none. */
const acknowledged = (ack) => (ack.success ? "acknowledged" : `refused: ${ack.error.name}`);
function acks(request, options = {}) {
  return async (server, hub) => {
    const client = await RawClient.json(server, hub, options);
    const seen = acknowledged(await client.request(request));
    await client.close(1000);
    return seen;
  };
}

/** What the acknowledgement 1 says of a message as it is written. */
const acknowledges = (message) => async (server, hub) => {
  const client = await RawClient.json(server, hub);
  client.sendText(message);
  const seen = acknowledged(await client.ack(1));
  await client.close(1000);
  return seen;
};

/** Sends many requests at once, without reading in between, and says how the distinct answers looked. */
function floods(count, request, answer, { kind = "json" } = {}) {
  return async (server, hub) => {
    const client = await RawClient[kind](server, hub);
    for (let n = 1; n <= count; n += 1) client.send(request(n));
    const seen = new Map();
    for (let n = 1; n <= count; n += 1) {
      const word = answer((await client.frame((one) => one.json && answer(one.json), `answer ${n}`)).json);
      seen.set(word, (seen.get(word) ?? 0) + 1);
    }
    await client.close(1000);
    return [...seen].map(([word, times]) => `${times} ${word}`).sort().join(", ");
  };
}

const sendJson = (data) => `{"type":"sendToGroup","group":"g","ackId":1,"dataType":"json","data":${data}}`;
const group = (name) => ({ type: "joinGroup", group: name });

export const PROTOCOL_ATTACKS = [
  { attack: "JSON nested 100,000 deep", outcome: "closed with 1007", act: text(sendJson("[".repeat(100_000) + "]".repeat(100_000))) },
  { attack: "JSON that opens 500,000 objects and closes none", outcome: "closed with 1007", act: text('{"a":'.repeat(150_000)) },
  { attack: "an ackId of 400 digits", outcome: "closed with 1007", act: text(`{"type":"joinGroup","group":"g","ackId":${"9".repeat(400)}}`) },
  { attack: "an ackId of 1e400", outcome: "closed with 1007", act: text('{"type":"joinGroup","group":"g","ackId":1e400}') },
  { attack: "an ackId of 2^64", outcome: "closed with 1007", act: text('{"type":"joinGroup","group":"g","ackId":18446744073709551616}') },
  { attack: "a type that is named twice", outcome: "acknowledged", act: acknowledges('{"type":"ping","type":"joinGroup","group":"g","ackId":1}') },
  { attack: "a group that is named twice", outcome: "acknowledged", act: acknowledges('{"type":"joinGroup","group":"a","group":"b","ackId":1}') },
  { attack: "the type __proto__", outcome: "closed with 1007", act: text('{"type":"__proto__"}') },
  { attack: "a type that is an object", outcome: "closed with 1007", act: text('{"type":{"toString":"ping"}}') },
  { attack: "a list in place of a message", outcome: "closed with 1007", act: text('[{"type":"ping"}]') },
  { attack: "two messages in one frame", outcome: "closed with 1007", act: text('{"type":"ping"}{"type":"ping"}') },
  { attack: "a byte order mark before a message", outcome: "closed with 1007", act: text('\uFEFF{"type":"ping"}') },
  { attack: "an escaped half of a surrogate pair as group", outcome: "closed with 1007", act: text('{"type":"joinGroup","group":"\\ud800","ackId":1}') },
  { attack: "an escaped NUL in a group's name", outcome: "acknowledged", act: acks(group("a\u0000b")) },
  { attack: "a group's name of 100,000 characters", outcome: "closed with 1007", act: closes((client) => client.send(group("g".repeat(100_000)))) },
  { attack: "a number of 500,000 digits as data", outcome: "acknowledged", act: acknowledges(sendJson("9".repeat(500_000))) },
  { attack: "1 MiB of white space around a message", outcome: "served", act: async (server, hub) => {
    const client = await RawClient.json(server, hub);
    client.sendText(`${" ".repeat((1 << 20) - 15)}{"type":"ping"}`);
    await client.frame((frame) => frame.json?.type === "pong", "the pong");
    await client.close(1000);
    return "served";
  } },
  { attack: "a publish without the role for it", outcome: "refused: Forbidden", act: acks({ type: "sendToGroup", group: "g", dataType: "text", data: "x" }, { roles: [] }) },
  { attack: "a join of a group by a role whose pattern only looks alike", outcome: "refused: Forbidden", act: acks(group("rooms"), { roles: ["webpubsub.joinLeaveGroup.room"] }) },
  { attack: "10,000 publishes at once", outcome: "10000 acks", act: floods(10_000, (n) => ({ type: "sendToGroup", group: "g", ackId: n, dataType: "text", data: "" }), (answer) => answer.type === "ack" && "acks") },
  { attack: "10,000 requests with one and the same ackId", outcome: "1 acknowledged, 9999 refused: Duplicate", act: floods(10_000, () => ({ ...group("g"), ackId: 7 }), (answer) => answer.type === "ack" && acknowledged(answer)) },
  { attack: "joins of 20,000 groups by one client", outcome: "16384 acknowledged, 3616 refused: BadRequest", act: floods(20_000, (n) => ({ ...group(`g${n}`), ackId: n }), (answer) => answer.type === "ack" && acknowledged(answer)) },
  { attack: "an acknowledgement of messages that are yet to come", outcome: "served", act: async (server, hub) => {
    const client = await RawClient.reliable(server, hub, { groups: ["g"] });
    client.send({ type: "sequenceAck", sequenceId: 1_000_000 });
    await client.publish("g", "still numbered");
    const { sequenceId } = await client.message();
    await client.close(1000);
    return sequenceId === 1 ? "served" : `numbered ${sequenceId}`;
  } },
  { attack: "a negative acknowledgement of messages", outcome: "closed with 1007", act: closes((client) => client.send({ type: "sequenceAck", sequenceId: -1 }), { kind: "reliable" }) },
  { attack: "1,000 invocations at once", outcome: "1000 invokeResponse", act: floods(1000, (n) => ({ type: "invoke", invocationId: `i${n}`, target: "event", event: "e", dataType: "text", data: "x" }), (answer) => answer.type === "invokeResponse" && answer.type) },
  { attack: "data for a stream that nobody began", outcome: "1 streamClosed", act: floods(1, () => ({ type: "streamData", streamId: "never", streamSequenceId: 1, dataType: "text", data: "x" }), (answer) => answer.type) },
  { attack: "1,000 streams at once", outcome: "64 streamAck, 936 streamClosed", act: floods(1000, (n) => ({ type: "sendToGroup", group: "g", stream: { streamId: `s${n}` } }), (answer) => answer.type) },
  { attack: "protobuf that is random bytes", outcome: "closed with 1007", act: binary(Array.from({ length: 300 }, (_, n) => (n * 7919) & 255)) },
  { attack: "protobuf with a varint of 20 bytes", outcome: "closed with 1007", act: binary(Array(20).fill(0xff)) },
  { attack: "protobuf with a length of 4 GiB", outcome: "closed with 1007", act: binary([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]) },
  { attack: "protobuf with 10,000 groups within groups", outcome: "closed with 1007", act: binary(Array(10_000).fill(0x7b)) },
  { attack: "a recovery with the token of another connection", outcome: "closed with 1008", act: async (server, hub) => {
    const [victim, thief] = [await RawClient.reliable(server, hub), await RawClient.reliable(server, hub)];
    const stolen = await RawClient.connect(recoveryUrl(server, hub, victim.connectionId, thief.reconnectionToken), { protocols: [RELIABLE_PROTOCOL] });
    const { code } = await stolen.closed();
    await victim.settled();
    await RawClient.closeAll(victim, thief);
    return `closed with ${code}`;
  } },
  { attack: "a recovery with an access token alone", outcome: "closed with 1008", act: async (server, hub) => {
    const victim = await RawClient.reliable(server, hub);
    const stolen = await RawClient.connect(clientUrl(server, hub, { query: { awps_connection_id: victim.connectionId } }), { protocols: [RELIABLE_PROTOCOL] });
    const { code } = await stolen.closed();
    await victim.settled();
    await victim.close(1000);
    return `closed with ${code}`;
  } },
  { attack: "200 recoveries of connections that never were", outcome: "closed with 1008", act: async (server, hub) => {
    const codes = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
      const client = await RawClient.connect(recoveryUrl(server, hub, `guess${n}`, "guess"), { protocols: [RELIABLE_PROTOCOL] });
      return (await client.closed()).code;
    }));
    return `closed with ${[...new Set(codes)].join(" or ")}`;
  } },
];
