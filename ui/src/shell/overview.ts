import { signal } from "@preact/signals";
import { CallError, type get } from "../api/call.ts";
import type { Overview } from "../api/contract.ts";

/** The newest facts about the service as a whole. */
export const overview = signal<Overview | undefined>(undefined);

export async function ask(get_: typeof get) {
  try {
    overview.value = await get_<Overview>("overview");
  } catch (error) {
    // That nobody answers, or that it is not for us, already stands where everybody sees it.
    if (!(error instanceof CallError)) throw error;
  }
}
