import { bytes, decimal, millis, whole } from "../parts/format.ts";

export interface Line {
  /** Its name in the answer of the service. */
  series: string;
  title: string;
  /** The custom property of the style sheet that has its colour. */
  colour: string;
}

export interface Chart {
  title: string;
  unit: string;
  lines: Line[];
  /** How a value is written, with its unit. */
  text: (value: number) => string;
  /** Bytes step in powers of two. */
  isBinary?: boolean;
}

const perSecond = (value: number) => `${decimal(value)}/s`;
const line = (series: string, title: string, colour: string): Line => ({ series, title, colour: `--plot-${colour}` });

export const CHARTS: Chart[] = [
  { title: "Connections", unit: "at the end of each step", text: whole, lines: [line("connections", "open", "first")] },
  { title: "Messages", unit: "per second", text: perSecond, lines: [line("messagesIn", "in", "second"), line("messagesOut", "out", "first")] },
  { title: "Bytes", unit: "per second", isBinary: true, text: (value) => `${bytes(value)}/s`, lines: [line("bytesIn", "in", "second"), line("bytesOut", "out", "first")] },
  {
    title: "Delivery latency",
    unit: "percentiles",
    text: millis,
    lines: [line("deliveryP50Ms", "p50", "first"), line("deliveryP90Ms", "p90", "second"), line("deliveryP99Ms", "p99", "warning")],
  },
  { title: "Upstream latency", unit: "percentiles", text: millis, lines: [line("upstreamP50Ms", "p50", "first"), line("upstreamP99Ms", "p99", "warning")] },
  { title: "Upstream calls", unit: "per second", text: perSecond, lines: [line("upstreamCalls", "calls", "first"), line("upstreamFailures", "failures", "bad")] },
  { title: "REST calls", unit: "per second", text: perSecond, lines: [line("restCalls", "calls", "first"), line("restErrors", "errors", "bad")] },
  {
    title: "Refused",
    unit: "per second",
    text: perSecond,
    lines: [line("refusedConnections", "connections", "bad"), line("refusedRequests", "requests", "warning"), line("slowConsumers", "slow consumers", "second")],
  },
  { title: "Memory", unit: "of the process", isBinary: true, text: bytes, lines: [line("memoryBytes", "resident", "first")] },
];
