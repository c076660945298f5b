import { CallError, call } from "../api/call.ts";
import type { Session } from "../api/contract.ts";
import { access } from "./session.ts";

/** Asks who this is. */
export async function ask() {
  try {
    access.value = { kind: "in", session: await call<Session>("GET", "session") };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    // `refuse` has put the refusals that concern the person where they belong.
    if (access.value.kind === "asking" || access.value.kind === "unreachable") access.value = { kind: "unreachable", message: error.message };
  }
}

export async function signIn(token: string) {
  access.value = { kind: "in", session: await call<Session>("POST", "session", { body: { token } }) };
}

export async function signOut() {
  await call<void>("DELETE", "session");
  access.value = { kind: "signIn" };
}
