import { useEffect, useMemo, useState } from "preact/hooks";
import { Segmented } from "../parts/field.tsx";
import { Empty, Notice } from "../parts/notice.tsx";
import { ChartPanel } from "./chart.tsx";
import { CHARTS } from "./charts.ts";
import { failure, refresh, series } from "./series.ts";

const RANGES = [
  ["5", "5 min"],
  ["15", "15 min"],
  ["60", "1 h"],
] as const;
const RANGE_MIN_SECONDS = 60;
type Range = (typeof RANGES)[number][0];

export function PlotsPage() {
  const [minutes, setMinutes] = useState<Range>("15");
  const data = series.value;
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => document.visibilityState === "visible" && void refresh(), data?.stepMs ?? 5_000);
    return () => clearInterval(timer);
  }, [data?.stepMs]);

  const shown = useMemo(() => {
    if (!data || data.times.length === 0) return undefined;
    const to = data.times.at(-1)! / 1000;
    // A service that has just begun has no hour to show.
    const from = Math.max(to - Number(minutes) * 60, Math.min(data.times[0]! / 1000, to - RANGE_MIN_SECONDS));
    const first = Math.max(0, data.times.findIndex((time) => time / 1000 >= from));
    const times = data.times.slice(first).map((time) => time / 1000);
    const charts = CHARTS.map((chart) => ({ chart, values: chart.lines.map(({ series }) => (data.series[series] ?? []).slice(first)) }));
    return { times, charts, range: [from, to] as const };
  }, [data, minutes]);

  return (
    <div class="plots">
      <div class="page-head">
        <h1>The last hour</h1>
        <Segmented label="Range" value={minutes} options={RANGES} onChange={setMinutes} />
      </div>
      {failure.value && <Notice tone="error">{failure.value}{data ? " What stands below is older." : ""}</Notice>}
      {!shown ? (
        !failure.value && <Empty title={data ? "Nothing measured yet." : "Asking…"}>{data && `The first point comes within ${data.stepMs / 1000} seconds of the start.`}</Empty>
      ) : (
        <div class="charts">
          {shown.charts.map(({ chart, values }) => (
            <ChartPanel key={chart.title} chart={chart} times={shown.times} values={values} range={shown.range} />
          ))}
        </div>
      )}
    </div>
  );
}
