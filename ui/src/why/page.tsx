import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/call.ts";
import type { Messages } from "../api/contract.ts";
import { useAsked } from "../parts/ask.ts";
import { TextField } from "../parts/field.tsx";
import { HubField } from "../parts/hub_field.tsx";
import { useNarrow } from "../parts/narrow.ts";
import { Empty, Notice } from "../parts/notice.tsx";
import { useSettled } from "../parts/settled.ts";
import { refine, route } from "../shell/route.ts";
import { Inquiry } from "./inquiry.tsx";
import { MessageList } from "./messages.tsx";
import { type Question, fromRoute, toRoute } from "./question.ts";
import { RecordingState } from "./recording.tsx";

const LIST_EVERY_MS = 2_000;

export function WhyPage() {
  const question = fromRoute(route.value.query);
  const ask = (change: Partial<Question>) => refine(toRoute({ ...question, ...change }));
  const { hub, toGroup, toUser, toConnection, text } = question;
  const answer = useRef<HTMLElement>(null);
  const isNarrow = useNarrow();
  const choose = (message: string) => {
    ask({ message, ...(!question.who && { isKindChosen: false }) });
    // Where one stands below the other, what was asked for would be out of sight.
    if (isNarrow && message) answer.current?.scrollIntoView();
  };
  const list = useAsked<Messages | undefined>(
    async (signal) => (hub ? get<Messages>("messages", { hub, toGroup, toUser, toConnection, text, limit: 200 }, signal) : undefined),
    [hub, toGroup, toUser, toConnection, text],
    LIST_EVERY_MS,
  );
  return (
    <div class="why">
      <div class="page-head">
        <h1>Why did it not arrive?</h1>
        <RecordingState recording={list.value?.recording} />
      </div>
      <Search question={question} onChange={ask} />
      <div class="why-columns">
        <section aria-label="Recorded messages" class="why-list">
          {!hub ? (
            <Empty title="Which hub?">Name the hub in which the message was sent.</Empty>
          ) : list.error && !list.value ? (
            <Notice tone="error">{list.error}</Notice>
          ) : (
            <MessageList messages={list.value?.messages} chosen={question.message} isRecording={list.value?.recording.on ?? false} onChoose={choose} />
          )}
        </section>
        <section ref={answer} aria-label="The answer" class="why-answer">
          {hub && <Inquiry question={question} listed={list.value?.messages.find(({ message }) => message === question.message)} onChange={ask} />}
        </section>
      </div>
    </div>
  );
}

const SEARCHED = ["hub", "toGroup", "toUser", "toConnection", "text"] as const;

function Search({ question, onChange }: { question: Question; onChange: (change: Partial<Question>) => void }) {
  const [draft, setDraft] = useState(question);
  const settled = useSettled(draft);
  const key = SEARCHED.map((name) => question[name]).join("\n");
  useEffect(() => setDraft(question), [key]);
  useEffect(() => {
    if (!SEARCHED.some((name) => settled[name] !== question[name])) return;
    const { hub, toGroup, toUser, toConnection, text } = settled;
    // A message of one hub is not to be found in another.
    onChange({ hub, toGroup, toUser, toConnection, text, ...(hub !== question.hub && { message: "" }) });
  }, [settled]);
  const set = (change: Partial<Question>) => setDraft({ ...draft, ...change });
  return (
    <form class="why-search" role="search" aria-label="Find the message" onSubmit={(event) => event.preventDefault()}>
      <HubField value={draft.hub} onInput={(hub) => set({ hub })} />
      <TextField label="Sent to group" value={draft.toGroup} onInput={(toGroup) => set({ toGroup })} placeholder="any" />
      <TextField label="Sent to user" value={draft.toUser} onInput={(toUser) => set({ toUser })} placeholder="any" />
      <TextField label="Sent to connection" value={draft.toConnection} onInput={(toConnection) => set({ toConnection })} placeholder="any" />
      <TextField label="Payload contains" value={draft.text} onInput={(text) => set({ text })} placeholder="any text" />
    </form>
  );
}
