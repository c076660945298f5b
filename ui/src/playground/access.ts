import { signal } from "@preact/signals";
import { call, path } from "../api/call.ts";
import type { ClientUrl } from "../api/contract.ts";

/** What a client URL is to say. */
export interface Wanted {
  hub: string;
  user: string;
  /** Permissions for every group. */
  mayJoin: boolean;
  maySend: boolean;
  /** More roles, separated by blanks or commas. */
  roles: string;
  groups: string;
  minutes: string;
}

export const wanted = signal<Wanted>({ hub: "chat", user: "alice", mayJoin: true, maySend: true, roles: "", groups: "", minutes: "60" });

/** The group that the playground and its code speak of. */
export const room = signal("room");

export const clientUrl = signal<(ClientUrl & { hub: string }) | undefined>(undefined);

const split = (text: string) => text.split(/[\s,]+/).filter(Boolean);

export function rolesOf(wanted: Wanted) {
  return [...(wanted.mayJoin ? ["webpubsub.joinLeaveGroup"] : []), ...(wanted.maySend ? ["webpubsub.sendToGroup"] : []), ...split(wanted.roles)];
}

export const groupsOf = (wanted: Wanted) => split(wanted.groups);

export async function makeUrl(wanted: Wanted) {
  const minutes = Number(wanted.minutes);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1440) throw new Error("A URL is good for 1 to 1440 minutes.");
  const groups = groupsOf(wanted);
  const body = { ...(wanted.user && { user: wanted.user }), roles: rolesOf(wanted), ...(groups.length > 0 && { groups }), minutes };
  const made = await call<ClientUrl>("POST", path("hubs", wanted.hub, "client-url"), { body });
  clientUrl.value = { ...made, hub: wanted.hub };
  return made;
}
