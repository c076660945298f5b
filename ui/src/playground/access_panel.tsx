import { useEffect, useState } from "preact/hooks";
import { reason } from "../api/call.ts";
import { CopyButton } from "../parts/copy.tsx";
import { CheckField, TextField } from "../parts/field.tsx";
import { moment, span } from "../parts/format.ts";
import { HubField } from "../parts/hub_field.tsx";
import { Notice } from "../parts/notice.tsx";
import { isOperator } from "../shell/session.ts";
import { type Wanted, clientUrl, makeUrl, wanted } from "./access.ts";

export function AccessPanel() {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<Wanted>) => (wanted.value = { ...wanted.value, ...change });
  const { hub, user, mayJoin, maySend, roles, groups, minutes } = wanted.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await makeUrl(wanted.value);
    } catch (failure) {
      setError(reason(failure));
    }
    setBusy(false);
  };
  return (
    <section class="card" aria-labelledby="access-title">
      <h2 id="access-title">Client URL</h2>
      <form class="stack" onSubmit={submit}>
        <div class="pair">
          <HubField value={hub} onInput={(hub) => set({ hub })} />
          <TextField label="User" value={user} onInput={(user) => set({ user })} placeholder="anonymous" />
        </div>
        <fieldset class="checks">
          <legend>May, in every group</legend>
          <CheckField label="join and leave" checked={mayJoin} onChange={(mayJoin) => set({ mayJoin })} hint="webpubsub.joinLeaveGroup" />
          <CheckField label="send" checked={maySend} onChange={(maySend) => set({ maySend })} hint="webpubsub.sendToGroup" />
        </fieldset>
        <TextField label="More roles" mono value={roles} onInput={(roles) => set({ roles })} placeholder="webpubsub.sendToGroup.room" />
        <div class="pair">
          <TextField label="In groups from the start" value={groups} onInput={(groups) => set({ groups })} placeholder="none" />
          <TextField label="Good for, minutes" type="number" min={1} max={1440} value={minutes} onInput={(minutes) => set({ minutes })} required />
        </div>
        {error && <Notice tone="error">{error}</Notice>}
        {!isOperator.value && <Notice>Viewers may look, and not make client URLs.</Notice>}
        <button type="submit" class="button primary" disabled={busy || !hub || !isOperator.value}>
          Make a client URL
        </button>
      </form>
      <Made />
    </section>
  );
}

function Made() {
  const made = clientUrl.value;
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  if (!made) return null;
  const left = made.expiresAt - now;
  const token = new URL(made.url).searchParams.get("access_token") ?? "";
  return (
    <div class="made" aria-live="polite">
      <code class="url" tabIndex={0}>{made.url}</code>
      <div class="made-foot">
        <CopyButton text={made.url} label="Copy URL" />
        <CopyButton text={token} label="Copy token" />
        <span class={left > 0 ? "dim" : "bad"} title={moment(made.expiresAt)}>
          {left > 0 ? `good for ${span(left)}` : "expired: make another"}
        </span>
        <span class="dim">in every protocol: the client picks it</span>
      </div>
    </div>
  );
}
