import { signal } from "@preact/signals";
import { CallError, reason, request } from "../api/call.ts";
import type { TraceEvent, TraceStatus } from "../api/contract.ts";
import { type Filter, toQuery } from "./filter.ts";
import { serverSent } from "./sse.ts";

/** Enough to look back on; about 4 MiB. */
export const EVENTS_MAX = 5_000;
/** Oldest events leave in lots, so that a busy trace does not move its whole array each time. */
const EVENTS_SLACK = 500;
const HISTORY = 1_000;
const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 8_000;
/** The service says something every 15 seconds. Twice that in silence, and the line is dead. */
const SILENCE_MS = 35_000;

export type LineState = { kind: "off" } | { kind: "connecting" } | { kind: "live" } | { kind: "paused"; since: number } | { kind: "waiting"; why: string; again: number };

/** A viewer of the trace: what has come, and the line over which more comes. */
class Live {
  readonly line = signal<LineState>({ kind: "off" });
  readonly status = signal<TraceStatus | undefined>(undefined);
  /** Nodes of the cluster that do not answer: what happens there is missing. */
  readonly silent = signal<string[]>([]);
  /** Counts up whenever `events` has changed, at most once a frame. */
  readonly version = signal(0);
  /** Whether the service has started anew since the oldest event that is shown. */
  readonly restarted = signal(false);
  events: TraceEvent[] = [];
  /** How many of the oldest have left `events`, ever: a scroll position is counted from there. */
  left = 0;

  #filter = "";
  #lastSeq: number | undefined;
  #abort: AbortController | undefined;
  #frame: number | undefined;

  /** Begins or goes on watching. Another filter begins again from the service's history. */
  watch(filter: Filter) {
    const key = JSON.stringify(toQuery(filter));
    const same = key === this.#filter;
    if (same && this.line.value.kind !== "off") return;
    const paused = this.line.value.kind === "paused";
    this.#stop();
    if (!same) {
      this.#forget();
      this.#lastSeq = undefined;
      this.restarted.value = false;
    }
    this.#filter = key;
    if (!paused || !same) this.#start(filter);
  }

  pause() {
    this.#stop();
    this.line.value = { kind: "paused", since: Date.now() };
  }

  resume(filter: Filter) {
    this.#stop();
    this.#start(filter);
  }

  /** Leaves the page: nobody looks, so nothing is asked of the service. */
  leave() {
    this.#stop();
    if (this.line.value.kind !== "paused") this.line.value = { kind: "off" };
  }

  clear() {
    this.#forget();
    this.restarted.value = false;
  }

  #forget() {
    this.left += this.events.length;
    this.events = [];
    this.#changed();
  }

  #stop() {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  #start(filter: Filter) {
    const abort = new AbortController();
    this.#abort = abort;
    void this.#run(filter, abort);
  }

  async #run(filter: Filter, abort: AbortController) {
    let pauseMs = AGAIN_FIRST_MS;
    while (!abort.signal.aborted) {
      this.line.value = { kind: "connecting" };
      const began = Date.now();
      let why = "The service closed the stream.";
      try {
        await this.#read(filter, abort.signal);
      } catch (error) {
        if (abort.signal.aborted) return;
        why = reason(error);
        if (error instanceof CallError && error.status === 400) pauseMs = AGAIN_MAX_MS;
      }
      if (abort.signal.aborted) return;
      if (Date.now() - began > AGAIN_MAX_MS) pauseMs = AGAIN_FIRST_MS;
      this.line.value = { kind: "waiting", why, again: Date.now() + pauseMs };
      await wait(pauseMs, abort.signal);
      pauseMs = Math.min(pauseMs * 2, AGAIN_MAX_MS);
    }
  }

  async #read(filter: Filter, signal: AbortSignal) {
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    const dead = () => silence.abort(new Error("The service has said nothing for too long."));
    let timer = setTimeout(dead, SILENCE_MS);
    try {
      const query = { ...toQuery(filter), history: HISTORY, after: this.#lastSeq };
      const response = await request("GET", "trace", { query, signal: either });
      this.line.value = { kind: "live" };
      this.silent.value = [];
      let isFirst = true;
      for await (const { event, data } of serverSent(response.body!)) {
        clearTimeout(timer);
        timer = setTimeout(dead, SILENCE_MS);
        if (event === "trace") this.#take(JSON.parse(data) as TraceEvent);
        else if (event === "nodes") this.silent.value = (JSON.parse(data) as { silent: string[] }).silent;
        else if (event === "status" && this.#heed(JSON.parse(data) as TraceStatus, isFirst)) return;
        isFirst = false;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(event: TraceEvent) {
    if (!event.elsewhere) this.#lastSeq = event.seq;
    this.events.push(event);
    if (this.events.length > EVENTS_MAX + EVENTS_SLACK) {
      const surplus = this.events.length - EVENTS_MAX;
      this.events.splice(0, surplus);
      this.left += surplus;
    }
    this.#changed();
  }

  /** True if the stream has to begin again, since the service has: its numbers are smaller than those known here. */
  #heed(status: TraceStatus, isFirst: boolean) {
    this.status.value = status;
    if (!isFirst || this.#lastSeq === undefined || status.lastSeq >= this.#lastSeq) return false;
    this.#lastSeq = undefined;
    this.restarted.value = true;
    return true;
  }

  #changed() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.version.value += 1;
    });
  }
}

/** One viewer for the page: going elsewhere and back keeps what was seen. */
export const live = new Live();

function wait(ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
