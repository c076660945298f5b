import { useState } from "preact/hooks";
import { call, reason } from "../api/call.ts";
import type { Recording } from "../api/contract.ts";
import { seconds } from "../parts/format.ts";
import { isOperator } from "../shell/session.ts";

/** Whether decisions are recorded: what was not recorded cannot be explained. */
export function RecordingState({ recording }: { recording: Recording | undefined }) {
  const [after, setAfter] = useState<Recording>();
  const [error, setError] = useState<string>();
  const state = recording?.on ? recording : (after ?? recording);
  if (!state) return null;
  const record = async () => {
    setError(undefined);
    try {
      setAfter(await call<Recording>("POST", "recording", { body: { on: true } }));
    } catch (failure) {
      setError(reason(failure));
    }
  };
  if (state.on) {
    return (
      <p class="recording on" role="status">
        <span class="dot good" aria-hidden="true" />
        {state.always ? "Decisions are always recorded" : "Decisions are recorded"}
        {state.since ? `, since ${seconds(state.since)}` : ""}
      </p>
    );
  }
  return (
    <p class="recording" role="status">
      <span class="dot" aria-hidden="true" />
      Not recording: messages sent now cannot be explained.
      {isOperator.value && (
        <button type="button" class="button small" onClick={record}>
          Record for ten minutes
        </button>
      )}
      {error && <span class="bad">{error}</span>}
    </p>
  );
}
