import type { Answer, TraceEvent, Why } from "../api/contract.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Facts, words } from "../parts/facts.tsx";
import { clock, plural, shortId } from "../parts/format.ts";
import { Silent } from "../parts/notice.tsx";
import { valueName, valueText } from "../parts/value.ts";
import { href } from "../shell/route.ts";
import { kindName } from "../trace/kinds.ts";
import { ruleName } from "./rules.ts";

const MARKS = { yes: "✓", no: "✗", sent: "→", unknown: "?", absent: "–" } as const;
const VERDICTS = { yes: "arrived", no: "did not arrive", sent: "sent", unknown: "cannot be known", absent: "was not connected" } as const;
type Kind = keyof typeof MARKS;
/** Rules of what has left the service, and of which nobody knows more yet. */
const SENT = ["written", "unacknowledged"];

function verdict({ arrived, rule }: Answer): Kind {
  if (arrived === null) return SENT.includes(rule) ? "sent" : "unknown";
  return arrived ? "yes" : "no";
}

/** What did not arrive comes first: it is what was asked about. */
const ORDER: Record<Kind, number> = { no: 0, unknown: 1, sent: 2, yes: 3, absent: 4 };

interface Props {
  why: Why;
  hub: string;
  /** The same question for the terminal. */
  command: string | undefined;
  onAgain: () => void;
}

/** Who was not there at all is no news where many were asked about. */
const isAbsent = ({ rule }: Answer) => rule === "connectionEnded" || rule === "notYetConnected";

export function Answers({ why, hub, command, onAgain }: Props) {
  const many = why.answers.length > 1;
  const kindOf = (answer: Answer): Kind => (many && isAbsent(answer) ? "absent" : verdict(answer));
  const answers = [...why.answers].sort((one, other) => ORDER[kindOf(one)] - ORDER[kindOf(other)]);
  const count = (kind: Kind) => answers.filter((answer) => kindOf(answer) === kind).length;
  const [absent, missed] = [count("absent"), count("no")];
  return (
    <div class="answers">
      <div class="answers-head">
        <h2>
          {many ? `${plural(answers.length - absent, "connection")}: ${missed === 0 ? "nobody missed it" : `${missed} did not get it`}` : "The rule that decided"}
          {absent > 0 && <span class="dim"> · {plural(absent, "other")} not connected then</span>}
          {why.moreAnswers > 0 && <span class="dim"> · {plural(why.moreAnswers, "more answer")} not shown</span>}
        </h2>
        <div class="acts">
          {command && <CopyButton label="Copy as command" text={command} />}
          <button type="button" class="button small" onClick={onAgain}>
            Ask again
          </button>
        </div>
      </div>
      {why.nodes && <Silent nodes={why.nodes.silent} />}
      <ul aria-live="polite">
        {byRule(answers).map((same) =>
          same.length < ALIKE_MIN ? (
            same.map((answer, index) => <OneAnswer key={answer.connection ?? index} answer={answer} kind={kindOf(answer)} hub={hub} />)
          ) : (
            <Alike key={same[0]!.rule} answers={same} kindOf={kindOf} hub={hub} />
          ),
        )}
      </ul>
      {why.related.length > 0 && <Related events={why.related} />}
    </div>
  );
}

/** As many answers by one rule are shown as one. */
const ALIKE_MIN = 4;

/** Answers by the same rule, in the order in which the rules come. */
const byRule = (answers: Answer[]) => [...Map.groupBy(answers, ({ rule }) => rule).values()];

/** What is the same for many, and who they are. */
function Alike({ answers, kindOf, hub }: { answers: Answer[]; kindOf: (answer: Answer) => Kind; hub: string }) {
  const [first] = answers as [Answer, ...Answer[]];
  const kind = kindOf(first);
  const isSame = answers.every(({ text }) => text === first.text);
  return (
    <li class={`answer ${kind}`} data-rule={first.rule}>
      <Mark kind={kind} />
      <div>
        <p class="answer-head">
          <strong>{ruleName(first.rule)}</strong>
          <span>{plural(answers.length, "connection")}</span>
        </p>
        {isSame && <p>{first.text}</p>}
        <details class="alike">
          <summary>{people(answers)}</summary>
          <ul>
            {answers.map((answer, index) => (
              <OneAnswer key={answer.connection ?? index} answer={answer} kind={kindOf(answer)} hub={hub} />
            ))}
          </ul>
        </details>
      </div>
    </li>
  );
}

/** Users and how many connections each of them has here. */
function people(answers: Answer[]) {
  const users = Map.groupBy(answers, ({ user }) => user ?? "anonymous");
  const names = [...users].map(([name, all]) => (all.length > 1 ? `${name} (${all.length})` : name));
  return names.length > PEOPLE_MAX ? `${names.slice(0, PEOPLE_MAX).join(", ")} and ${plural(names.length - PEOPLE_MAX, "other")}` : names.join(", ");
}

const PEOPLE_MAX = 12;

function Mark({ kind }: { kind: Kind }) {
  return (
    <span class="answer-mark" role="img" aria-label={VERDICTS[kind]}>
      {MARKS[kind]}
    </span>
  );
}

function OneAnswer({ answer, kind, hub }: { answer: Answer; kind: Kind; hub: string }) {
  const { values, ...rest } = answer.detail ?? {};
  return (
    <li class={`answer ${kind}`} data-rule={answer.rule}>
      <Mark kind={kind} />
      <div>
        <p class="answer-head">
          <strong>{ruleName(answer.rule)}</strong>
          {answer.user && <span>{answer.user}</span>}
          {answer.node && <span class="dim mono">{answer.node}</span>}
          {answer.connection && (
            <a class="mono" href={href(["browse", hub, "connections", answer.connection])} title={answer.connection}>
              {shortId(answer.connection)}
            </a>
          )}
          {answer.time && <span class="tabular dim">{clock(answer.time)}</span>}
        </p>
        <p>{answer.text}</p>
        <Values values={values} />
        <Facts rows={filled(rest).map(([name, value]) => [words(valueName(name)), <span class="breaks">{detailText(name, value)}</span>] as const)} />
      </div>
    </li>
  );
}

const filled = (detail: Record<string, unknown>) => Object.entries(detail).filter(([, value]) => value !== "" && value !== null);

/** Times of a decision matter to the millisecond. */
const detailText = (name: string, value: unknown) => (/At$/.test(name) && typeof value === "number" ? clock(value) : name === "target" ? targetText(value) : valueText(name, value));

function targetText(value: unknown) {
  const { kind, name } = (value ?? {}) as { kind?: string; name?: string };
  return kind ? [kind, name].filter(Boolean).join(" ") : valueText("", value);
}

/** What the names of a filter stood for when it was evaluated. */
function Values({ values }: { values: unknown }) {
  if (!Array.isArray(values) || values.length === 0) return null;
  return (
    <table class="values">
      <caption class="offscreen">Values in the filter</caption>
      <tbody>
        {(values as { name: string; value: unknown }[]).map(({ name, value }) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>
              <code class="breaks">{valueText("", value)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Related({ events }: { events: TraceEvent[] }) {
  return (
    <section class="related" aria-label="What else happened">
      <h3>What else happened</h3>
      <ol>
        {events.map((event) => (
          <li key={event.seq} class={event.level}>
            <span class="tabular">{clock(event.time)}</span>
            <span class="kind">{kindName(event.kind)}</span>
            <span>{event.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
