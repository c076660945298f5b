import { useEffect, useState } from "preact/hooks";
import { get, path } from "../api/call.ts";
import type { Connection, Message, Named, Page, Why } from "../api/contract.ts";
import { useAsked } from "../parts/ask.ts";
import { Segmented, TextField } from "../parts/field.tsx";
import { clock } from "../parts/format.ts";
import { Empty, Notice } from "../parts/notice.tsx";
import { useSettled } from "../parts/settled.ts";
import { MessageFacts } from "../trace/detail.tsx";
import { Answers } from "./answers.tsx";
import { sourceText, targetText } from "./messages.tsx";
import { type Question, type WhoKind, WHO_KINDS, aimed, searchesAnything, toCommand } from "./question.ts";

interface Props {
  question: Question;
  /** The chosen message as the list has it. */
  listed: Message | undefined;
  onChange: (change: Partial<Question>) => void;
}

/** Who should have got it, and what the service says to that. */
export function Inquiry({ question, listed, onChange }: Props) {
  const { hub, message, toGroup, toUser, toConnection, text } = question;
  const aimedAt = question.isKindChosen ? undefined : listed && aimed(listed);
  const target = question.who ? { whoKind: question.whoKind, who: question.who } : aimedAt;
  const mayAsk = Boolean(target && (message || searchesAnything(question)));
  const query = { hub, ...(message ? { message } : { toGroup, toUser, toConnection, text }), ...(target && { [target.whoKind]: target.who }) };
  const answer = useAsked<Why | undefined>(async (signal) => (mayAsk ? get<Why>("why", query, signal) : undefined), [query, mayAsk]);
  const shown = answer.value?.message ?? listed;
  return (
    <>
      <Who question={question} aimedAt={aimedAt} onChange={onChange} />
      {shown && <Chosen message={shown} byId={Boolean(message)} />}
      {answer.error ? (
        <Notice tone="error">{answer.error}</Notice>
      ) : answer.value ? (
        <Answers why={answer.value} hub={hub} command={target && toCommand(question, target)} onAgain={answer.again} />
      ) : (
        <Next question={question} isAsking={mayAsk} />
      )}
    </>
  );
}

function Next({ question, isAsking }: { question: Question; isAsking: boolean }) {
  if (isAsking) return <Empty title="Asking…" />;
  if (!question.message && !searchesAnything(question)) {
    return <Empty title="Which message?">Choose one of the recorded messages, or say to whom it was sent or what is in it: then the newest that fits is meant.</Empty>;
  }
  return <Empty title="Who should have got it?">Name a connection, a user or a group.</Empty>;
}

interface WhoProps {
  question: Question;
  aimedAt: { whoKind: WhoKind; who: string } | undefined;
  onChange: (change: Partial<Question>) => void;
}

function Who({ question, aimedAt, onChange }: WhoProps) {
  const kind = aimedAt?.whoKind ?? question.whoKind;
  const [who, setWho] = useState(question.who);
  const settled = useSettled(who);
  useEffect(() => setWho(question.who), [question.who]);
  useEffect(() => {
    if (settled !== question.who) onChange({ whoKind: kind, who: settled, isKindChosen: true });
  }, [settled]);
  const choose = (next: WhoKind) => {
    setWho("");
    onChange({ whoKind: next, who: "", isKindChosen: true });
  };
  const names = useNames(question.hub, kind, settled);
  return (
    <div class="who">
      <span class="label">Who should have got it?</span>
      <div class="who-row">
        <Segmented label="Who should have got it" value={kind} options={WHO_KINDS} onChange={choose} />
        <TextField
          label={`Which ${kind}`}
          class="bare"
          mono={kind === "connection"}
          value={who}
          onInput={setWho}
          suggestions={names}
          placeholder={aimedAt ? `${aimedAt.who}, for whom it was` : kind === "connection" ? "connection id" : kind === "user" ? "user id" : "group name"}
        />
      </div>
    </div>
  );
}

/** What may be meant, as far as it is there now; ended connections can be typed. */
function useNames(hub: string, kind: WhoKind, search: string): string[] {
  const asked = useAsked<string[]>(
    async (signal) => {
      if (!hub) return [];
      const query = { search, limit: 20 };
      if (kind === "connection") return (await get<Page<Connection>>(path("hubs", hub, "connections"), query, signal)).items.map(({ connection }) => connection);
      return (await get<Page<Named>>(path("hubs", hub, `${kind}s`), query, signal)).items.map(({ name }) => name);
    },
    [hub, kind, search],
  );
  return asked.value ?? [];
}

function Chosen({ message, byId }: { message: Message; byId: boolean }) {
  return (
    <details class="chosen">
      <summary>
        {!byId && <span class="dim">newest that fits: </span>}
        <span class="tabular">{clock(message.time)}</span> {sourceText(message)} → {targetText(message)}
      </summary>
      <MessageFacts message={message} />
    </details>
  );
}
