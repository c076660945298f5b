import type { TraceEvent } from "../api/contract.ts";

/** Hands the events to the reader as a file, one JSON object a line. */
export function exportLines(events: TraceEvent[]) {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  link.download = `hubwire-trace-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`;
  link.click();
  // The browser has taken over the blob by the next turn of its loop.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
