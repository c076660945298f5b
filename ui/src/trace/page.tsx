import { useEffect, useState } from "preact/hooks";
import type { TraceEvent } from "../api/contract.ts";
import { CopyButton } from "../parts/copy.tsx";
import { clock, plural, whole } from "../parts/format.ts";
import { useNarrow } from "../parts/narrow.ts";
import { Empty, Notice, Silent } from "../parts/notice.tsx";
import { refine, route } from "../shell/route.ts";
import { TraceDetail } from "./detail.tsx";
import { exportLines } from "./export.ts";
import { type Filter, fromRoute, isEmpty, toCommand, toRoute } from "./filter.ts";
import { TraceFilters } from "./filters.tsx";
import { TraceList } from "./list.tsx";
import { EVENTS_MAX, live } from "./live.ts";

export function TracePage() {
  const filter = fromRoute(route.value.query);
  const key = JSON.stringify(filter);
  const [selected, setSelected] = useState<TraceEvent>();
  const [showsFilters, setShowsFilters] = useState(!useNarrow());
  live.version.value;

  useEffect(() => live.watch(filter), [key]);
  useEffect(() => () => live.leave(), []);
  useEffect(() => {
    addEventListener("keydown", shortcut);
    return () => removeEventListener("keydown", shortcut);
  });

  const toggle = () => (live.line.value.kind === "paused" ? live.resume(filter) : live.pause());
  const change = (next: Filter) => refine(toRoute(next));
  const shortcut = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "p") toggle();
    else if (event.key === "Escape") setSelected(undefined);
    else if (event.key === "/") {
      event.preventDefault();
      setShowsFilters(true);
      requestAnimationFrame(() => document.querySelector<HTMLInputElement>(".text-filter input")?.focus());
    }
  };

  return (
    <div class={`trace ${selected ? "with-detail" : ""}`}>
      <h1 class="offscreen">Live trace</h1>
      <div class="trace-bar">
        <Tools filter={filter} onToggle={toggle} onFilters={() => setShowsFilters(!showsFilters)} showsFilters={showsFilters} onClear={() => (live.clear(), setSelected(undefined))} />
        {showsFilters && <TraceFilters filter={filter} onChange={change} />}
        <Losses />
      </div>
      <div class="trace-body">
        {live.events.length === 0 ? <Nothing filter={filter} onReset={() => refine({})} /> : <TraceList selected={selected} onSelect={setSelected} onOpen={() => document.querySelector<HTMLElement>(".detail-links :is(a, button)")?.focus()} />}
        {selected && <TraceDetail event={selected} onClose={() => setSelected(undefined)} onNarrow={(part) => change({ ...filter, ...part })} />}
      </div>
    </div>
  );
}

interface ToolsProps {
  filter: Filter;
  showsFilters: boolean;
  onToggle: () => void;
  onFilters: () => void;
  onClear: () => void;
}

function Tools({ filter, showsFilters, onToggle, onFilters, onClear }: ToolsProps) {
  const paused = live.line.value.kind === "paused";
  const count = live.events.length;
  return (
    <div class="toolbar" role="toolbar" aria-label="Trace">
      <button type="button" class="button" aria-pressed={paused} aria-keyshortcuts="p" title="Key: p" onClick={onToggle}>
        {paused ? "Go on" : "Pause"}
      </button>
      <button type="button" class="button" disabled={count === 0} onClick={onClear}>
        Clear
      </button>
      <button type="button" class="button" disabled={count === 0} title="The events that are shown, one JSON object a line" onClick={() => exportLines(live.events)}>
        Export
      </button>
      <span class="wide" title="The same in the terminal">
        <CopyButton label="Copy as command" text={() => toCommand(filter)} />
      </span>
      <button type="button" class="button only-narrow" aria-expanded={showsFilters} onClick={onFilters}>
        Filters{isEmpty(filter) ? "" : " •"}
      </button>
      <Line />
      <span class="count tabular" title={`The page keeps the newest ${whole(EVENTS_MAX)}`}>
        {plural(count, "event")}
      </span>
    </div>
  );
}

function Line() {
  const line = live.line.value;
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (line.kind !== "waiting") return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [line.kind]);
  const text = {
    off: () => "off",
    connecting: () => "connecting…",
    live: () => "live",
    paused: () => `paused since ${line.kind === "paused" ? clock(line.since).slice(0, 8) : ""}`,
    waiting: () => (line.kind === "waiting" ? `${line.why} Again in ${Math.max(0, Math.ceil((line.again - now) / 1000))} s.` : ""),
  }[line.kind]();
  return (
    <span class={`line ${line.kind}`} role="status">
      <span class="dot" aria-hidden="true" />
      {text}
    </span>
  );
}

/** What this trace does not show: said, never hidden. */
function Losses() {
  const status = live.status.value;
  const lost = status?.dropped ?? 0;
  const unseen = status?.sourceDropped ?? 0;
  return (
    <>
      {live.restarted.value && <Notice tone="warning">The service has started anew. Events from before it are still shown, and the numbers begin again.</Notice>}
      {lost > 0 && <Notice tone="warning">{plural(lost, "event")} dropped for this viewer, since the page did not take them in time. Narrower filters help.</Notice>}
      {live.silent.value.length > 0 && <Silent nodes={live.silent.value} />}
      {unseen > 0 && <Notice tone="warning">{plural(unseen, "event")} not handed over by busy workers. Deliveries were not affected.</Notice>}
    </>
  );
}

function Nothing({ filter, onReset }: { filter: Filter; onReset: () => void }) {
  const line = live.line.value;
  if (line.kind === "waiting") return <Empty title={line.why}>The page tries again by itself.</Empty>;
  if (line.kind === "paused") return <Empty title="Paused.">Going on shows what has happened since, as far as the service remembers it.</Empty>;
  if (line.kind === "connecting") return <Empty title="Connecting…" />;
  if (!isEmpty(filter)) {
    return (
      <Empty title="No event matches the filters yet.">
        <button type="button" class="button" onClick={onReset}>
          Remove all filters
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing has happened since the service began to be watched.">
      Recording begins with the first viewer. Connect a client in the <a href="#/playground">playground</a>, and see it here.
    </Empty>
  );
}

function isTyping(target: EventTarget | null) {
  return target instanceof HTMLElement && target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, dialog") !== null;
}
