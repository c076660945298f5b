// How values are written: always the same way, so that columns align.

const DAY_MS = 86_400_000;
const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const rate = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

const two = (value: number) => String(value).padStart(2, "0");

/** 14:03:07.042 */
export function clock(time: number) {
  const date = new Date(time);
  return `${seconds(time)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** 14:03:07 */
export function seconds(time: number) {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** 2026-11-26 14:03:07 */
export function moment(time: number) {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${seconds(time)}`;
}

/** 42 s, 3 min, 2 h 05, 4 d */
export function span(ms: number) {
  const whole = Math.max(0, Math.floor(ms / 1000));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (ms < DAY_MS) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))}`;
  return `${Math.floor(ms / DAY_MS)} d`;
}

export const whole = (value: number) => count.format(value);

export const decimal = (value: number) => rate.format(value);

/** 512 B, 1.5 KiB, 23 MiB */
export function bytes(value: number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(scaled) : trimmed(scaled)} ${units[unit]}`;
}

/** One place for small numbers: 1.5, 2, 23. */
const trimmed = (value: number) => (value >= 10 ? String(Math.round(value)) : String(Number(value.toFixed(1))));

/** 0.21 ms, 3.4 ms, 120 ms, 1.2 s */
export function millis(value: number) {
  if (value === 0) return "0 ms";
  if (value >= 1000) return `${trimmed(value / 1000)} s`;
  return `${value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** One or many: `plural(2, "connection")` is `2 connections`. */
export const plural = (number: number, noun: string) => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

/** The head of a connection id, which is enough to tell them apart by eye. */
export const shortId = (id: string) => (id.length > 12 ? `${id.slice(0, 8)}…` : id);
