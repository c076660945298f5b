import type { Delivery, Message } from "../api/contract.ts";
import { bytes, clock, shortId, whole } from "../parts/format.ts";
import { Empty } from "../parts/notice.tsx";
import { payloadLine } from "../parts/payload.ts";

interface Props {
  messages: Message[] | undefined;
  chosen: string;
  isRecording: boolean;
  onChoose: (message: string) => void;
}

/** The recorded messages, newest first, as buttons: choosing one asks about it. */
export function MessageList({ messages, chosen, isRecording, onChoose }: Props) {
  if (!messages) return <Empty title="Asking…" />;
  if (messages.length === 0) {
    return isRecording ? (
      <Empty title="No such message was accepted while it was recorded.">
        If a client says that it sent it, look for its refusal in the <a href="#/trace?level=warning">trace</a>. Or ask on the right, without a message.
      </Empty>
    ) : (
      <Empty title="Nothing is recorded.">Recording runs while somebody watches a trace or has asked here within ten minutes.</Empty>
    );
  }
  return (
    <ul class="message-list">
      {messages.map((message) => (
        <li key={message.message}>
          <button type="button" aria-pressed={message.message === chosen} onClick={() => onChoose(message.message === chosen ? "" : message.message)}>
            <span class="tabular">{clock(message.time)}</span>
            <span class="message-route">
              {sourceText(message)} <span aria-label="to">→</span> {targetText(message)}
            </span>
            <Counts delivery={message.delivery} />
            <span class="message-payload">
              <span class="dim">
                {message.dataType} {bytes(message.bytes)}
              </span>{" "}
              {payloadLine(message)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function sourceText({ source }: Message) {
  if (source.kind === "client" || source.kind === "stream") return source.user ?? (source.connection ? shortId(source.connection) : source.kind);
  return { rest: "REST", console: "console", handler: "event handler" }[source.kind] ?? source.kind;
}

export function targetText({ target }: Message) {
  if (!target.name) return "everybody";
  return `${target.kind} ${target.kind === "connection" ? shortId(target.name) : target.name}`;
}

const LEFT_OUT = ["excluded", "filtered", "skipped", "overflowed"] as const;

/** How many got it, and how many of those considered did not. */
function Counts({ delivery }: { delivery: Delivery | undefined }) {
  if (!delivery) return <span class="counts dim">not delivered yet</span>;
  const others = LEFT_OUT.filter((name) => delivery[name] > 0).map((name) => `${whole(delivery[name])} ${name}`);
  return (
    <span class={`counts ${delivery.delivered === 0 || delivery.overflowed > 0 ? "warning-text" : ""}`}>
      {whole(delivery.delivered)} of {whole(delivery.recipients)}
      {others.length > 0 && <span class="dim"> · {others.join(", ")}</span>}
    </span>
  );
}
