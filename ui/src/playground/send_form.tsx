import { useState } from "preact/hooks";
import { CheckField, Segmented, TextField } from "../parts/field.tsx";
import { room } from "./access.ts";
import { fromHex } from "./bytes.ts";
import { client } from "./client.ts";
import type { Attempt } from "./client_panel.tsx";
import { type DataType, EXAMPLES, requestData } from "./payload.ts";

type Way = "group" | "event" | "frame";

const WAYS = [
  ["group", "to the group"],
  ["event", "as an event"],
  ["frame", "a frame"],
] as const;
/** Any request of the protocol can be written by hand, such as those of streams and invocations. */
const FRAME = '{ "type": "invoke", "invocationId": "1", "target": "event", "event": "add", "dataType": "json", "data": [1, 2] }';
const TYPES: readonly (readonly [DataType, string])[] = [
  ["text", "text"],
  ["json", "JSON"],
  ["binary", "binary"],
  ["protobuf", "protobuf"],
];

const DATA_LABELS: Record<DataType, string> = { text: "Data", json: "Data", binary: "Bytes, in hexadecimal", protobuf: "Value of the Any, in hexadecimal" };

/** Sends in every type of data that the client's protocol has. */
export function SendForm({ attempt }: { attempt: Attempt }) {
  const isSimple = !client.protocol?.subprotocol;
  const ways = WAYS.filter(([one]) => one !== "frame" || !client.protocol?.isBinary);
  const [way, setWay] = useState<Way>("group");
  const [type, setType] = useState<DataType>("text");
  const [texts, setTexts] = useState(EXAMPLES);
  const [typeUrl, setTypeUrl] = useState("type.googleapis.com/google.protobuf.StringValue");
  const [event, setEvent] = useState("message");
  const [noEcho, setNoEcho] = useState(false);
  const [ttl, setTtl] = useState("");
  const [frame, setFrame] = useState(FRAME);
  const types = isSimple ? TYPES.filter(([one]) => one === "text" || one === "binary") : TYPES;

  const send = () => {
    const text = texts[type];
    if (isSimple) return client.raw(type === "text" ? text : fromHex(text));
    if (way === "frame") return client.raw(frame);
    const shared = { dataType: type, data: requestData(type, text, typeUrl), ackId: client.nextAckId() };
    if (way === "event") return client.request({ type: "event", event, ...shared });
    client.request({ type: "sendToGroup", group: room.value, ...shared, ...(noEcho && { noEcho }), ...(ttl && { ttlSeconds: Number(ttl) }) });
  };

  return (
    <form
      class="stack send"
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void attempt(send);
      }}
    >
      {isSimple ? <p class="hint">What a simple client sends goes to the application, as the event <code>message</code>. It joins no groups by itself.</p> : <Segmented label="Where to" value={way} options={ways} onChange={setWay} />}
      {way === "event" && !isSimple && <TextField label="Event" value={event} onInput={setEvent} required />}
      {way === "frame" && !isSimple ? (
        <TextField label="Frame, as it goes over the wire" mono rows={5} value={frame} onInput={setFrame} required />
      ) : (
        <>
          <Segmented label="Type of the data" value={type} options={types} onChange={setType} />
          {type === "protobuf" && <TextField label="Type URL" mono value={typeUrl} onInput={setTypeUrl} required />}
          <TextField label={DATA_LABELS[type]} mono rows={3} value={texts[type]} onInput={(text) => setTexts({ ...texts, [type]: text })} />
        </>
      )}
      <div class="row">
        <button type="submit" class="button primary">
          Send
        </button>
        {!isSimple && way === "group" && (
          <>
            <CheckField label="no echo" checked={noEcho} onChange={setNoEcho} hint="Not to this connection, though it may be a member" />
            <TextField label="TTL, s" class="inline" value={ttl} onInput={setTtl} placeholder="none" />
          </>
        )}
        {!isSimple && (
          <button type="button" class="button" onClick={() => attempt(() => client.request({ type: "ping" }))}>
            Ping
          </button>
        )}
      </div>
    </form>
  );
}
