import { call, path } from "../api/call.ts";
import type { ActionResult } from "../api/contract.ts";
import { plural, shortId } from "../parts/format.ts";

/** Whom an action is about. */
export interface Target {
  kind: "connection" | "user" | "group" | "all";
  name?: string;
  user?: string | undefined;
  /** How many connections that are, if it is known. */
  connections?: number;
}

export type Action = "send" | "close" | "addToGroup" | "addMember" | "removeFromGroup" | "removeFromAllGroups" | "grant" | "revoke";

export interface Fields {
  dataType: "text" | "json" | "binary";
  data: string;
  filter: string;
  ttlSeconds: string;
  reason: string;
  group: string;
  permission: "sendToGroup" | "joinLeaveGroup";
  memberKind: "connection" | "user";
  member: string;
}

export const NO_FIELDS: Fields = { dataType: "text", data: "", filter: "", ttlSeconds: "", reason: "", group: "", permission: "sendToGroup", memberKind: "connection", member: "" };

export const ACTION_NAMES: Record<Action, string> = {
  send: "Send",
  close: "Close",
  addToGroup: "Add to group",
  addMember: "Add member",
  removeFromGroup: "Remove from group",
  removeFromAllGroups: "Remove from all groups",
  grant: "Grant",
  revoke: "Revoke",
};

/** Those that take something away; they are confirmed in red. */
export const isDestructive = (action: Action) => ["close", "removeFromGroup", "removeFromAllGroups", "revoke"].includes(action);

/** Whom the action hits, in words that leave no doubt. */
export function targetText(target: Target, hub: string) {
  const number = target.connections === undefined ? "all connections" : plural(target.connections, "connection");
  if (target.kind === "all") return `all connections of hub ${hub}`;
  if (target.kind === "connection") return `connection ${shortId(target.name!)}${target.user ? ` of user ${target.user}` : ""} in hub ${hub}`;
  return `${number} ${target.kind === "group" ? "in group" : "of user"} ${target.name} in hub ${hub}`;
}

/** What the confirmation asks. */
export function questionText(action: Action, target: Target, hub: string) {
  const whom = targetText(target, hub);
  return {
    send: `Send a message to ${whom}.`,
    close: `Close ${whom}. Clients may connect again; sessions are not recoverable.`,
    addToGroup: `Add ${whom} to a group.`,
    addMember: `Add a connection, or all connections of a user, to group ${target.name} in hub ${hub}.`,
    removeFromGroup: `Remove ${whom} from a group.`,
    removeFromAllGroups: `Remove ${whom} from all groups that it is in.`,
    grant: `Let ${whom} do more with a group.`,
    revoke: `Let ${whom} do less with a group.`,
  }[action];
}

/** The body of the request. Throws in words if a field is missing or wrong. */
export function body(action: Action, target: Target, fields: Fields): Record<string, unknown> {
  const who = target.kind === "all" ? { all: true } : { [target.kind]: target.name };
  switch (action) {
    case "send":
      return { action, ...who, dataType: fields.dataType, data: data(fields), ...(fields.filter && { filter: fields.filter }), ...ttl(fields.ttlSeconds) };
    case "close":
      return { action, ...who, ...(fields.reason && { reason: fields.reason }) };
    case "addMember":
      return { action: "addToGroup", group: target.name, [fields.memberKind]: required(fields.member, `the ${fields.memberKind}`) };
    case "addToGroup":
    case "removeFromGroup":
      return { action, ...who, group: required(fields.group, "the group") };
    case "removeFromAllGroups":
      return { action, ...who };
    case "grant":
    case "revoke":
      return { action, ...who, permission: fields.permission, group: required(fields.group, "the group") };
  }
}

function required(value: string, what: string) {
  if (!value) throw new Error(`Name ${what}.`);
  return value;
}

function ttl(text: string) {
  if (!text) return {};
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 300) throw new Error("The time to live is a whole number of seconds from 0 to 300.");
  return { ttlSeconds: seconds };
}

function data({ dataType, data }: Fields): unknown {
  if (dataType !== "json") return data;
  try {
    return JSON.parse(data) as unknown;
  } catch (error) {
    throw new Error(`The data is no JSON: ${(error as Error).message}`);
  }
}

export const act = (hub: string, request: Record<string, unknown>) => call<ActionResult>("POST", path("hubs", hub, "actions"), { body: request });

export function resultText(result: ActionResult) {
  if (result.result === "done") return result.message ? `Done: message ${result.message}.` : "Done.";
  if (result.result === "missing") return "There is no such connection any more.";
  if (result.result === "limitReached") return "A limit of the service is reached; nothing was changed.";
  return `The service answered: ${result.result}.`;
}
