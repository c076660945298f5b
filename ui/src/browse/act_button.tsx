import { signal } from "@preact/signals";
import { isOperator } from "../shell/session.ts";
import { ActDialog } from "./act_dialog.tsx";
import { type Action, ACTION_NAMES, type Target, isDestructive, questionText } from "./actions.ts";

interface Props {
  action: Action;
  hub: string;
  target: Target;
  /** Known beforehand, where a group is what the button stands beside. */
  group?: string;
  label?: string;
  onDone?: () => void;
}

/** The one question that is open. It stands apart from the button, which may leave with its row before the answer is read. */
const open = signal<Props | undefined>(undefined);

/** Opens the question; nothing is done before that is answered. Viewers get no such buttons. */
export function ActButton(props: Props) {
  const { action, hub, target, label } = props;
  if (!isOperator.value) return null;
  return (
    <button type="button" class={`button small ${isDestructive(action) ? "danger" : ""}`} title={questionText(action, target, hub)} onClick={() => (open.value = props)}>
      {label ?? ACTION_NAMES[action]}
    </button>
  );
}

export function ActHost() {
  const asked = open.value;
  if (!asked) return null;
  const close = () => {
    open.value = undefined;
    asked.onDone?.();
  };
  return <ActDialog action={asked.action} hub={asked.hub} target={asked.target} group={asked.group ?? ""} onClose={close} />;
}
