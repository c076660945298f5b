import type { Answer, TraceEvent, Why } from "../api/contract.ts";
import { Facts, words } from "../parts/facts.tsx";
import { clock, plural, shortId } from "../parts/format.ts";
import { valueName, valueText } from "../parts/value.ts";
import { href } from "../shell/route.ts";
import { kindName } from "../trace/kinds.ts";
import { ruleName } from "./rules.ts";

const MARKS = { yes: "✓", no: "✗", sent: "→", unknown: "?" } as const;
const VERDICTS = { yes: "arrived", no: "did not arrive", sent: "sent", unknown: "cannot be known" } as const;
/** Rules of what has left the service, and of which nobody knows more yet. */
const SENT = ["written", "unacknowledged"];

function verdict({ arrived, rule }: Answer): keyof typeof MARKS {
  if (arrived === null) return SENT.includes(rule) ? "sent" : "unknown";
  return arrived ? "yes" : "no";
}

/** What did not arrive comes first: it is what was asked about. */
const ORDER = { no: 0, unknown: 1, sent: 2, yes: 3 } as const;

export function Answers({ why, hub, onAgain }: { why: Why; hub: string; onAgain: () => void }) {
  const answers = [...why.answers].sort((one, other) => ORDER[verdict(one)] - ORDER[verdict(other)]);
  const missed = answers.filter((answer) => verdict(answer) === "no").length;
  return (
    <div class="answers">
      <div class="answers-head">
        <h2>
          {answers.length === 1 ? "The rule that decided" : `${plural(answers.length, "connection")}: ${missed} did not get it`}
          {why.moreAnswers > 0 && <span class="dim"> · {plural(why.moreAnswers, "more answer")} not shown</span>}
        </h2>
        <button type="button" class="button small" onClick={onAgain}>
          Ask again
        </button>
      </div>
      <ul aria-live="polite">
        {answers.map((answer, index) => (
          <OneAnswer key={answer.connection ?? index} answer={answer} hub={hub} />
        ))}
      </ul>
      {why.related.length > 0 && <Related events={why.related} />}
    </div>
  );
}

function OneAnswer({ answer, hub }: { answer: Answer; hub: string }) {
  const kind = verdict(answer);
  const { values, ...rest } = answer.detail ?? {};
  return (
    <li class={`answer ${kind}`} data-rule={answer.rule}>
      <span class="answer-mark" role="img" aria-label={VERDICTS[kind]}>
        {MARKS[kind]}
      </span>
      <div>
        <p class="answer-head">
          <strong>{ruleName(answer.rule)}</strong>
          {answer.user && <span>{answer.user}</span>}
          {answer.connection && (
            <a class="mono" href={href(["browse", hub, "connections", answer.connection])} title={answer.connection}>
              {shortId(answer.connection)}
            </a>
          )}
          {answer.time && <span class="tabular dim">{clock(answer.time)}</span>}
        </p>
        <p>{answer.text}</p>
        <Values values={values} />
        <Facts rows={Object.entries(rest).map(([name, value]) => [words(valueName(name)), <span class="breaks">{detailText(name, value)}</span>] as const)} />
      </div>
    </li>
  );
}

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
