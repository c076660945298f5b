import type { ComponentChildren } from "preact";
import type { Message, TraceEvent } from "../api/contract.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Facts, words } from "../parts/facts.tsx";
import { clock, moment } from "../parts/format.ts";
import { payloadText } from "../parts/payload.ts";
import { valueName, valueText } from "../parts/value.ts";
import { href } from "../shell/route.ts";
import type { Filter } from "./filter.ts";
import { kindName } from "./kinds.ts";

interface Props {
  event: TraceEvent;
  onClose: () => void;
  onNarrow: (change: Partial<Filter>) => void;
}

/** All that an event says, and where it leads. */
export function TraceDetail({ event, onClose, onNarrow }: Props) {
  const { hub, group, user, connection } = event;
  const only = (change: Partial<Filter>, what: string) => (
    <button type="button" class="link" aria-label={`Show only this ${what}`} onClick={() => onNarrow(change)}>
      only this
    </button>
  );
  return (
    <aside class="detail" aria-label="The selected event">
      <div class="detail-head">
        <h2>
          <span class={`kind-tag ${event.level}`}>{kindName(event.kind)}</span> <span class="tabular">{clock(event.time)}</span>
        </h2>
        <button type="button" class="button quiet" aria-label="Close the event" onClick={onClose}>
          ✕
        </button>
      </div>
      <p class="detail-text">{event.text}</p>
      <div class="detail-links">
        <WhyLink event={event} />
        {hub && connection && <a href={href(["browse", hub, "connections", connection])}>Open the connection</a>}
        <CopyButton text={JSON.stringify(event)} label="Copy as JSON" />
      </div>
      <Facts
        rows={[
          ["number", String(event.seq)],
          ["time", moment(event.time)],
          ["node", event.node],
          ["worker", event.worker],
          ["hub", hub && <Value text={hub}>{only({ hub }, "hub")}</Value>],
          ["group", group && <Value text={group}>{only({ group, ...(hub && { hub }) }, "group")}</Value>],
          ["user", user && <Value text={user}>{only({ user }, "user")}</Value>],
          ["connection", connection && <Value text={connection}>{only({ connection }, "connection")}</Value>],
        ]}
      />
      {event.kind === "publish" && event.detail ? <MessageFacts message={event.detail as unknown as Message} /> : <Detail detail={event.detail ?? {}} />}
    </aside>
  );
}

function Value({ text, children }: { text: string; children: ComponentChildren }) {
  return (
    <>
      <span class="mono breaks">{text}</span> {children}
    </>
  );
}

function Detail({ detail }: { detail: Record<string, unknown> }) {
  return <Facts rows={Object.entries(detail)
        .filter(([, value]) => value !== "" && value !== null)
        .map(([name, value]) => [words(valueName(name)), <span class="breaks">{valueText(name, value)}</span>] as const)} />;
}

/** What a publish says of its message. */
export function MessageFacts({ message }: { message: Message }) {
  const { source, target } = message;
  const from = [source.kind, source.user, source.connection].filter(Boolean).join(" ");
  const text = payloadText(message);
  return (
    <>
      <Facts
        rows={[
          ["message", <span class="mono">{message.message}</span>],
          ["from", <span class="breaks">{from}</span>],
          ["to", <span class="breaks">{`${target.kind} ${target.name ?? message.hub}`}</span>],
          ["type", message.dataType],
          ["bytes", String(message.bytes)],
          ["filter", message.filter && <code class="breaks">{message.filter}</code>],
          ["excluded", message.excluded ? `${message.excluded} by id` : undefined],
          ["echo", message.noEcho ? "not to its publisher" : undefined],
          ["time to live", message.ttlSeconds ? `${message.ttlSeconds} s` : undefined],
          ["trace id", message.traceId && <span class="mono breaks">{message.traceId}</span>],
        ]}
      />
      {text === undefined ? <p class="hint">The payload is hidden by the setting <code>payloads</code>.</p> : <pre class="code payload" tabIndex={0}>{text}</pre>}
    </>
  );
}

/** A message, or what a connection did not get, can be asked about. */
function WhyLink({ event }: { event: TraceEvent }) {
  const message = event.detail?.message;
  if (!event.hub) return null;
  if (typeof message === "string") return <a href={href(["why"], { hub: event.hub, message })}>Who got it, and why</a>;
  if (!event.connection) return null;
  return <a href={href(["why"], { hub: event.hub, connection: event.connection })}>Why did a message not arrive?</a>;
}
