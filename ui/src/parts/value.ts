import { bytes, millis, moment, span } from "./format.ts";

/** A member of an event's or answer's `detail` as text: the units stand last in the names. */
export function valueText(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((one) => valueText("", one)).join(", ");
  if (typeof value === "number") {
    if (/At$/.test(name)) return moment(value);
    if (/Bytes$/.test(name) || name === "bytes") return bytes(value);
    if (name === "ageMs" || name === "recoverableForMs") return span(value);
    if (/Ms$/.test(name)) return millis(value);
    if (/Us$/.test(name)) return millis(value / 1000);
    if (/Seconds$/.test(name)) return `${value} s`;
    return String(value);
  }
  if (value !== null && typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** The name without the unit that `valueText` writes. */
export const valueName = (name: string) => name.replace(/(At|Ms|Us|Bytes|Seconds)$/, (unit) => (unit === "At" ? " at" : unit === "Bytes" ? " bytes" : ""));
