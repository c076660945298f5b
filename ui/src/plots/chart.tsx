import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { seconds } from "../parts/format.ts";
import { paint } from "../shell/theme.ts";
import type { Chart, Line } from "./charts.ts";

interface Props {
  chart: Chart;
  /** Seconds since 1970, as the plot library counts. */
  times: number[];
  values: (number | null)[][];
  /** The range that is shown, in seconds. */
  range: readonly [from: number, to: number];
}

const HEIGHT_PX = 132;
const SYNC = "hubwire";
const POWERS_OF_TWO = Array.from({ length: 44 }, (_, power) => 2 ** power);

export function ChartPanel({ chart, times, values, range }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [at, setAt] = useState<number | undefined>();
  const shown = useRef(range);
  shown.current = range;
  const colours = paint.value;

  // A plot is painted: other colours make another plot.
  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(options(chart, element, setAt, () => shown.current), [times, ...values], element);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [chart, colours]);

  useEffect(() => plot.current?.setData([times, ...values]), [times, values, range]);

  const index = at !== undefined && at < times.length ? at : times.length - 1;
  return (
    <section class="card chart" aria-label={chart.title}>
      <div class="chart-head">
        <h2>{chart.title}</h2>
        <span class="dim">{at === undefined ? chart.unit : seconds(times[index]! * 1000)}</span>
      </div>
      <dl class="legend">
        {chart.lines.map((line, number) => (
          <div key={line.series}>
            <dt>
              <svg class={`swatch ${line.colour.slice(2)}`} viewBox="0 0 10 10" aria-hidden="true">
                <rect width="10" height="10" rx="2" />
              </svg>
              {line.title}
            </dt>
            <dd class="tabular">{valueText(chart, values[number]?.[index])}</dd>
          </div>
        ))}
      </dl>
      <div ref={box} class="plot" role="img" aria-label={summary(chart, values)} />
    </section>
  );
}

const valueText = (chart: Chart, value: number | null | undefined) => (value === null || value === undefined ? "–" : chart.text(value));

/** The picture in words: the newest, the least and the most. */
function summary(chart: Chart, values: (number | null)[][]) {
  const parts = chart.lines.map(({ title }, number) => {
    const known = (values[number] ?? []).filter((value) => value !== null);
    if (known.length === 0) return `${title}: nothing measured`;
    return `${title}: now ${chart.text(known.at(-1)!)}, from ${chart.text(Math.min(...known))} to ${chart.text(Math.max(...known))}`;
  });
  return `${chart.title}, ${chart.unit}. ${parts.join("; ")}.`;
}

function options(chart: Chart, element: HTMLElement, onCursor: (index: number | undefined) => void, range: () => readonly [number, number]): uPlot.Options {
  const text = colour(element, "--dim");
  const grid = { stroke: colour(element, "--line"), width: 1 };
  const axis = { stroke: text, font: `11px ${getComputedStyle(element).fontFamily}`, grid, ticks: { ...grid, size: 4 } };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: SYNC }, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: () => [...range()] as [number, number] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.12 : 1] } },
    axes: [
      { ...axis, size: 26, space: 64, values: (_, splits) => splits.map((split) => seconds(split * 1000).slice(0, 5)) },
      { ...axis, size: 64, space: 22, ...(chart.isBinary && { incrs: POWERS_OF_TWO }), values: (_, splits) => splits.map((split) => chart.text(split)) },
    ],
    series: [{}, ...chart.lines.map((line) => stroke(element, line))],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? undefined)] },
  };
}

function stroke(element: HTMLElement, { title, colour: name }: Line): uPlot.Series {
  return { label: title, stroke: colour(element, name), width: 1.5, points: { show: false }, spanGaps: false };
}

/** What a custom property is as a colour, where it is used: the browser resolves it for a property that is a colour. */
function colour(element: HTMLElement, name: string) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
