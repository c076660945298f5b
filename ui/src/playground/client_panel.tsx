import { useState } from "preact/hooks";
import { reason } from "../api/call.ts";
import { CheckField, SelectField, TextField } from "../parts/field.tsx";
import { shortId, span } from "../parts/format.ts";
import { Notice } from "../parts/notice.tsx";
import { href } from "../shell/route.ts";
import { clientUrl, makeUrl, room, wanted } from "./access.ts";
import { client } from "./client.ts";
import { PROTOCOLS } from "./protocols.ts";
import { SendForm } from "./send_form.tsx";

const PROTOCOL_OPTIONS = PROTOCOLS.map(({ name, title }) => [name, title] as const);

export function ClientPanel() {
  const [protocol, setProtocol] = useState(client.protocol?.name ?? "json");
  const [error, setError] = useState<string>();
  const state = client.state.value;
  const isOpen = state.kind === "open";
  const attempt = async (step: () => void | Promise<void>) => {
    setError(undefined);
    try {
      await step();
    } catch (failure) {
      setError(reason(failure));
    }
  };
  const connect = async () => {
    const known = clientUrl.value;
    const url = known && known.hub === wanted.value.hub && known.expiresAt > Date.now() ? known.url : (await makeUrl(wanted.value)).url;
    client.connect(url, PROTOCOLS.find(({ name }) => name === protocol)!);
  };
  return (
    <section class="card" aria-labelledby="client-title">
      <h2 id="client-title">Client</h2>
      <div class="stack">
        <SelectField label="Protocol" value={protocol} options={PROTOCOL_OPTIONS} onChange={setProtocol} />
        <div class="acts">
          {isOpen || state.kind === "connecting" ? (
            <>
              <button type="button" class="button" onClick={() => client.close()}>
                Disconnect
              </button>
              <button type="button" class="button" title="Closes with 4000: a reliable session goes on for a while, and can be recovered" onClick={() => client.breakOff()}>
                Break off
              </button>
            </>
          ) : (
            <>
              <button type="button" class="button primary" onClick={() => attempt(connect)}>
                Connect
              </button>
              {client.canRecover.value && (
                <button type="button" class="button" onClick={() => attempt(() => client.recover())}>
                  Recover the session
                </button>
              )}
            </>
          )}
        </div>
        <ClientLine />
        {error && <Notice tone="error">{error}</Notice>}
        {isOpen && client.protocol?.subprotocol && <Groups attempt={attempt} />}
        {isOpen && <SendForm key={client.protocol?.name} attempt={attempt} />}
        {isOpen && client.protocol?.isReliable && <Acknowledging attempt={attempt} />}
      </div>
    </section>
  );
}

export type Attempt = (step: () => void | Promise<void>) => Promise<void>;

function ClientLine() {
  const state = client.state.value;
  const id = client.connectionId.value;
  const text = {
    idle: "Not connected.",
    connecting: "Connecting…",
    open: `Connected${state.kind === "open" ? ` for ${span(Date.now() - state.since)}` : ""}`,
    closed: state.kind === "closed" ? `Closed with ${state.code}${state.reason ? `: ${state.reason}` : ""}` : "",
  }[state.kind];
  return (
    <p class="client-line" role="status">
      <span class={`dot ${state.kind === "open" ? "good" : state.kind === "closed" && state.code !== 1000 ? "bad" : ""}`} aria-hidden="true" />
      {text}
      {id && state.kind === "open" && (
        <a class="mono" href={href(["browse", clientUrl.value?.hub ?? wanted.value.hub, "connections", id])} title={id}>
          {shortId(id)}
        </a>
      )}
      {state.kind === "closed" && state.code === 1006 && <a href="#/trace?level=warning">See the trace</a>}
    </p>
  );
}

function Groups({ attempt }: { attempt: Attempt }) {
  const send = (type: "joinGroup" | "leaveGroup") => attempt(() => client.request({ type, group: room.value, ackId: client.nextAckId() }));
  return (
    <div class="row">
      <TextField label="Group" value={room.value} onInput={(value) => (room.value = value)} />
      <button type="button" class="button" disabled={!room.value} onClick={() => send("joinGroup")}>
        Join
      </button>
      <button type="button" class="button" disabled={!room.value} onClick={() => send("leaveGroup")}>
        Leave
      </button>
    </div>
  );
}

function Acknowledging({ attempt }: { attempt: Attempt }) {
  const { seen, acknowledged } = client.sequence.value;
  return (
    <div class="row">
      <CheckField label="Acknowledge messages" checked={client.acknowledges.value} onChange={(value) => (client.acknowledges.value = value)} hint="Once a second, as the official clients do" />
      <button type="button" class="button small" disabled={seen === acknowledged} onClick={() => attempt(() => client.acknowledge())}>
        Acknowledge up to {seen}
      </button>
      <span class="dim tabular">
        {acknowledged} of {seen}
      </span>
    </div>
  );
}
