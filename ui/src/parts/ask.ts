import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { reason } from "../api/call.ts";

export interface Asked<Value> {
  value?: Value;
  /** Why the newest answer is missing; an older one may still be shown. */
  error?: string;
  loading: boolean;
  again: () => void;
}

/** Asks when the inputs change, and again every so often while the page is in sight. */
export function useAsked<Value>(ask: (signal: AbortSignal) => Promise<Value>, inputs: unknown[], everyMs?: number): Asked<Value> {
  const [state, setState] = useState<{ value?: Value; error?: string; loading: boolean }>({ loading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  const key = JSON.stringify(inputs);
  const asked = useRef(key);

  useEffect(() => {
    const abort = new AbortController();
    // What was asked about something else says nothing about this.
    if (asked.current !== key) setState({ loading: true });
    asked.current = key;
    latest.current(abort.signal).then(
      (value) => !abort.signal.aborted && setState({ value, loading: false }),
      (error) => !abort.signal.aborted && setState((before) => ({ ...before, error: reason(error), loading: false })),
    );
    return () => abort.abort();
  }, [key, round]);

  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => document.visibilityState === "visible" && setRound((value) => value + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);

  const again = useCallback(() => setRound((value) => value + 1), []);
  return { ...state, again };
}
