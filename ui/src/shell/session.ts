import { computed, signal } from "@preact/signals";
import type { CallError } from "../api/call.ts";
import type { Session } from "../api/contract.ts";

/** Who looks at the page, as far as that is known. */
export type Access =
  | { kind: "asking" }
  | { kind: "in"; session: Session }
  | { kind: "signIn" }
  | { kind: "shut"; code: string; message: string }
  | { kind: "unreachable"; message: string };

export const access = signal<Access>({ kind: "asking" });

/** Whether the page may act; looking is for everybody who is in. */
export const isOperator = computed(() => access.value.kind === "in" && access.value.session.role === "operator");

/** A refusal that is about the person and not about the call changes the whole page. */
export function refuse(error: CallError) {
  if (error.code === "signInRequired") access.value = { kind: "signIn" };
  else if (error.code === "closed" || error.code === "wrongHost") access.value = { kind: "shut", code: error.code, message: error.message };
}
