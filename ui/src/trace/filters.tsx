import { useEffect, useState } from "preact/hooks";
import { TextField } from "../parts/field.tsx";
import { HubField } from "../parts/hub_field.tsx";
import { useSettled } from "../parts/settled.ts";
import type { Filter } from "./filter.ts";
import { KIND_GROUPS, kindName } from "./kinds.ts";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const TEXTS = ["hub", "group", "user", "connection", "text"] as const;

export function TraceFilters({ filter, onChange }: Props) {
  const [draft, setDraft] = useState(filter);
  const settled = useSettled(draft);
  const key = JSON.stringify(filter);
  // The route has changed under the form: a link was followed.
  useEffect(() => setDraft(filter), [key]);
  useEffect(() => {
    if (TEXTS.some((name) => settled[name] !== filter[name])) onChange(settled);
  }, [settled]);
  const set = (change: Partial<Filter>) => setDraft({ ...draft, ...change });
  const choose = (change: Partial<Filter>) => {
    setDraft({ ...draft, ...change });
    onChange({ ...draft, ...change });
  };
  return (
    <form class="trace-filters" role="search" aria-label="Filter the trace" onSubmit={(event) => event.preventDefault()}>
      <HubField value={draft.hub} onInput={(hub) => set({ hub })} placeholder="every hub" />
      <TextField label="Group" value={draft.group} onInput={(group) => set({ group })} placeholder="any" />
      <TextField label="User" value={draft.user} onInput={(user) => set({ user })} placeholder="any" />
      <TextField label="Connection" value={draft.connection} onInput={(connection) => set({ connection })} placeholder="any id" />
      <TextField label="Text" value={draft.text} onInput={(text) => set({ text })} placeholder="in sentence or payload  ( / )" class="text-filter" />
      <div class="field">
        <span class="label">Kinds</span>
        <Kinds chosen={draft.kinds} onChange={(kinds) => choose({ kinds })} />
      </div>
      <label class="check toggle" title="Refusals, faults and losses only">
        <input type="checkbox" checked={draft.warnings} onChange={(event) => choose({ warnings: event.currentTarget.checked })} />
        <span>Only warnings</span>
      </label>
    </form>
  );
}

function Kinds({ chosen, onChange }: { chosen: string[]; onChange: (kinds: string[]) => void }) {
  const toggle = (kind: string, on: boolean) => onChange(on ? [...chosen, kind] : chosen.filter((one) => one !== kind));
  const text = chosen.length === 0 ? "all" : chosen.length <= 2 ? chosen.map(kindName).join(", ") : `${chosen.length} kinds`;
  return (
    <details class="menu" onKeyDown={closeOnEscape} onFocusOut={closeWhenLeft}>
      <summary class="button">{text}</summary>
      <div class="menu-body kinds">
        {KIND_GROUPS.map(([title, kinds]) => (
          <fieldset key={title}>
            <legend>{title}</legend>
            {kinds.map(([kind, name]) => (
              <label key={kind} class="check">
                <input type="checkbox" checked={chosen.includes(kind)} onChange={(event) => toggle(kind, event.currentTarget.checked)} />
                <span>{name}</span>
              </label>
            ))}
          </fieldset>
        ))}
        <button type="button" class="button" disabled={chosen.length === 0} onClick={() => onChange([])}>
          Show all kinds
        </button>
      </div>
    </details>
  );
}

function closeOnEscape(event: KeyboardEvent & { currentTarget: HTMLDetailsElement }) {
  if (event.key !== "Escape") return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary")?.focus();
}

function closeWhenLeft(event: FocusEvent & { currentTarget: HTMLDetailsElement }) {
  if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
}
