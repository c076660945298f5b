import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message, TraceEvent } from "../api/contract.ts";
import { clock } from "../parts/format.ts";
import { useNarrow } from "../parts/narrow.ts";
import { payloadLine } from "../parts/payload.ts";
import { kindName } from "./kinds.ts";
import { live } from "./live.ts";

const ROW_WIDE_PX = 24;
const ROW_NARROW_PX = 44;
/** Rows beyond the edges of the view, so that scrolling shows no holes. */
const MARGIN_ROWS = 12;
/** This near to the end counts as at the end. */
const NEAR_END_PX = 30;

interface Props {
  selected: TraceEvent | undefined;
  onSelect: (event: TraceEvent | undefined) => void;
  onOpen: () => void;
}

/** Thousands of rows, of which only those in view exist. Stays at the newest until somebody scrolls back. */
export function TraceList({ selected, onSelect, onOpen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [follows, setFollows] = useState(true);
  const shift = useRef(live.left);
  const row = useNarrow() ? ROW_NARROW_PX : ROW_WIDE_PX;
  live.version.value;
  const { events } = live;

  useLayoutEffect(() => {
    const element = box.current!;
    // When the oldest leave, what is being read stays where it is.
    const gone = live.left - shift.current;
    shift.current = live.left;
    if (follows) element.scrollTop = element.scrollHeight;
    else if (gone > 0) element.scrollTop -= gone * row;
  });

  useEffect(() => {
    const element = box.current!;
    const measure = new ResizeObserver(() => setView((before) => ({ ...before, height: element.clientHeight })));
    measure.observe(element);
    return () => measure.disconnect();
  }, []);

  const scrolled = () => {
    const element = box.current!;
    setView({ top: element.scrollTop, height: element.clientHeight });
    setFollows(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX);
  };

  const reveal = (index: number) => {
    const element = box.current!;
    if (index * row < element.scrollTop) element.scrollTop = index * row;
    else if ((index + 1) * row > element.scrollTop + element.clientHeight) element.scrollTop = (index + 1) * row - element.clientHeight;
  };

  const pressed = (event: KeyboardEvent) => {
    const at = selected ? events.indexOf(selected) : -1;
    const page = Math.max(1, Math.floor(view.height / row) - 1);
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at < 0 ? events.length - 1 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: events.length - 1 };
    if (event.key === "Enter" && selected) onOpen();
    const step = steps[event.key];
    if (step === undefined || events.length === 0) return;
    event.preventDefault();
    const index = Math.min(events.length - 1, Math.max(0, step));
    setFollows(index === events.length - 1);
    onSelect(events[index]);
    reveal(index);
  };

  const first = Math.max(0, Math.floor(view.top / row) - MARGIN_ROWS);
  const last = Math.min(events.length, Math.ceil((view.top + view.height) / row) + MARGIN_ROWS);
  const shown = events.slice(first, last);
  return (
    <div class="trace-list-frame">
      <div
        ref={box}
        class="trace-list"
        role="listbox"
        aria-label="Events, newest last"
        tabIndex={0}
        onScroll={scrolled}
        onKeyDown={pressed}
        {...(selected && shown.includes(selected) && { "aria-activedescendant": `event-${keyOf(selected)}` })}
      >
        <div class="trace-space" role="presentation" style={{ height: `${events.length * row}px` }}>
          <div class="trace-slice" role="presentation" style={{ transform: `translateY(${first * row}px)` }}>
            {shown.map((event, index) => (
              <Row key={keyOf(event)} event={event} position={first + index + 1} size={events.length} isSelected={event === selected} onSelect={onSelect} />
            ))}
          </div>
        </div>
      </div>
      {!follows && (
        <button type="button" class="button to-newest" onClick={() => setFollows(true)}>
          To the newest ↓
        </button>
      )}
    </div>
  );
}

/** Nodes count their events each for itself. */
const keyOf = ({ node = "", seq }: TraceEvent) => `${node}${seq}`;

interface RowProps {
  event: TraceEvent;
  position: number;
  size: number;
  isSelected: boolean;
  onSelect: (event: TraceEvent) => void;
}

function Row({ event, position, size, isSelected, onSelect }: RowProps) {
  return (
    <div
      id={`event-${keyOf(event)}`}
      class={`trace-row ${event.level} ${isSelected ? "selected" : ""}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={position}
      aria-setsize={size}
      onClick={() => onSelect(event)}
    >
      <span class="time">{clock(event.time)}</span>
      <span class="kind">{kindName(event.kind)}</span>
      <span class="hub">{event.hub}</span>
      <span class="text">
        {event.node && <span class="node">{event.node}</span>}
        {event.text}
        {event.kind === "publish" && event.detail?.payload !== undefined && <span class="payload-line">{payloadLine(event.detail as unknown as Message)}</span>}
      </span>
    </div>
  );
}
