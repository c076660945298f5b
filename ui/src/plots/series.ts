import { signal } from "@preact/signals";
import { get, reason } from "../api/call.ts";
import type { Series } from "../api/contract.ts";

const POINTS_MAX = 720;

/** The last hour, as far as it has come. */
export const series = signal<Series | undefined>(undefined);
export const failure = signal<string | undefined>(undefined);

/** Asks for the points that are not here yet. */
export async function refresh() {
  const known = series.peek();
  const last = known?.times.at(-1);
  try {
    const more = await get<Series>("series", { after: last });
    series.value = known && last !== undefined ? joined(known, more) : more;
    failure.value = undefined;
  } catch (error) {
    failure.value = reason(error);
  }
}

function joined(known: Series, more: Series): Series {
  if (more.times.length === 0) return known;
  const times = [...known.times, ...more.times].slice(-POINTS_MAX);
  const names = new Set([...Object.keys(known.series), ...Object.keys(more.series)]);
  const blank = (length: number) => Array.from({ length }, () => null);
  const all = [...names].map((name) => {
    const values = [...(known.series[name] ?? blank(known.times.length)), ...(more.series[name] ?? blank(more.times.length))];
    return [name, values.slice(-POINTS_MAX)] as const;
  });
  return { stepMs: more.stepMs, times, series: Object.fromEntries(all) };
}
