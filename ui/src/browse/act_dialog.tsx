import { useState } from "preact/hooks";
import { reason } from "../api/call.ts";
import type { ActionResult } from "../api/contract.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Segmented, SelectField, TextField } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { href } from "../shell/route.ts";
import { type Action, ACTION_NAMES, type Fields, NO_FIELDS, type Target, act, body, isDestructive, questionText, resultText } from "./actions.ts";

interface Props {
  action: Action;
  hub: string;
  target: Target;
  group: string;
  onClose: () => void;
}

export function ActDialog({ action, hub, target, group, onClose }: Props) {
  const [fields, setFields] = useState<Fields>({ ...NO_FIELDS, group });
  const [result, setResult] = useState<ActionResult>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const set = (change: Partial<Fields>) => setFields({ ...fields, ...change });
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    setResult(undefined);
    try {
      setResult(await act(hub, body(action, target, fields)));
    } catch (failure) {
      setError(reason(failure));
    }
    setBusy(false);
  };
  const again = action === "send";
  const finished = result !== undefined && !again;
  return (
    <Dialog title={ACTION_NAMES[action]} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{questionText(action, target, hub)}</p>
        {!finished && <ActFields action={action} fields={fields} set={set} />}
        {error && <Notice tone="error">{error}</Notice>}
        {result && (
          <Notice tone={result.result === "done" ? "good" : "warning"}>
            {resultText(result)} {result.message && <a href={href(["why"], { hub, message: result.message })}>Who got it?</a>}
          </Notice>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            {result ? "Close this dialog" : "Cancel"}
          </button>
          {!finished && (
            <button type="submit" class={`button ${isDestructive(action) ? "danger solid" : "primary"}`} disabled={busy}>
              {busy ? "Asking…" : result ? "Send again" : confirmText(action)}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

const confirmText = (action: Action) => (action === "close" ? "Close connections" : ACTION_NAMES[action]);

const DATA_TYPES = [
  ["text", "text"],
  ["json", "JSON"],
  ["binary", "binary"],
] as const;
const PERMISSIONS = [
  ["sendToGroup", "send to the group"],
  ["joinLeaveGroup", "join and leave the group"],
] as const;
const MEMBERS = [
  ["connection", "Connection"],
  ["user", "User"],
] as const;

function ActFields({ action, fields, set }: { action: Action; fields: Fields; set: (change: Partial<Fields>) => void }) {
  switch (action) {
    case "send":
      return (
        <>
          <Segmented label="Type of the data" value={fields.dataType} options={DATA_TYPES} onChange={(dataType) => set({ dataType })} />
          <TextField label={fields.dataType === "binary" ? "Data, in base64" : "Data"} mono rows={4} value={fields.data} onInput={(data) => set({ data })} required />
          <TextField label="Filter" mono value={fields.filter} onInput={(filter) => set({ filter })} placeholder="userId ne 'bob'" hint="Left empty, nobody is left out." />
          <TextField label="Time to live, seconds" value={fields.ttlSeconds} onInput={(ttlSeconds) => set({ ttlSeconds })} placeholder="unlimited" />
        </>
      );
    case "close":
      return <TextField label="Reason" value={fields.reason} onInput={(reason) => set({ reason })} placeholder="told to the clients; may be empty" />;
    case "addToGroup":
    case "removeFromGroup":
      return <TextField label="Group" value={fields.group} onInput={(group) => set({ group })} required />;
    case "addMember":
      return (
        <>
          <Segmented label="Kind of member" value={fields.memberKind} options={MEMBERS} onChange={(memberKind) => set({ memberKind })} />
          <TextField label={fields.memberKind === "user" ? "User id" : "Connection id"} mono value={fields.member} onInput={(member) => set({ member })} required />
        </>
      );
    case "grant":
    case "revoke":
      return (
        <>
          <SelectField label="Permission" value={fields.permission} options={PERMISSIONS} onChange={(permission) => set({ permission })} />
          <TextField label="Group" value={fields.group} onInput={(group) => set({ group })} required />
        </>
      );
    case "removeFromAllGroups":
      return null;
  }
}
