import type { Message } from "../api/contract.ts";
import { command } from "../parts/command.ts";
import type { RouteQuery } from "../shell/route.ts";

export type WhoKind = "connection" | "user" | "group";
export const WHO_KINDS: readonly (readonly [WhoKind, string])[] = [
  ["connection", "Connection"],
  ["user", "User"],
  ["group", "Group"],
];

/** What is asked: which message, and who should have got it. It is the page's address. */
export interface Question {
  hub: string;
  /** The message's id; without it the newest that fits the search is meant. */
  message: string;
  toGroup: string;
  toUser: string;
  toConnection: string;
  text: string;
  whoKind: WhoKind;
  /** Nobody as long as it is empty; then whom the message was for, unless a kind was chosen. */
  who: string;
  isKindChosen: boolean;
}

export function fromRoute(query: RouteQuery): Question {
  const { hub = "", message = "", toGroup = "", toUser = "", toConnection = "", text = "" } = query;
  const chosen = WHO_KINDS.map(([kind]) => kind).find((kind) => query[kind] || query.by === kind);
  const whoKind = chosen ?? "connection";
  return { hub, message, toGroup, toUser, toConnection, text, whoKind, who: query[whoKind] ?? "", isKindChosen: chosen !== undefined };
}

export function toRoute(question: Question): RouteQuery {
  const { whoKind, who, isKindChosen, ...rest } = question;
  return { ...rest, ...(who ? { [whoKind]: who } : isKindChosen ? { by: whoKind } : {}) };
}

export function toCommand(question: Question, target: { whoKind: WhoKind; who: string }) {
  const { hub, message, toGroup, toUser, toConnection, text } = question;
  const which = message ? { message } : { "to-group": toGroup, "to-user": toUser, "to-connection": toConnection, text };
  return command("why", { hub, ...which, [target.whoKind]: target.who });
}

export const searchesAnything = ({ toGroup, toUser, toConnection, text }: Question) => Boolean(toGroup || toUser || toConnection || text);

/** Whom a message is for is who is asked about, until somebody else is named. */
export function aimed(message: Message): { whoKind: WhoKind; who: string } | undefined {
  const { kind, name } = message.target;
  if (!name || !WHO_KINDS.some(([one]) => one === kind)) return undefined;
  return { whoKind: kind as WhoKind, who: name };
}
