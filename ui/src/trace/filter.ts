import type { Query } from "../api/call.ts";
import { command } from "../parts/command.ts";
import type { RouteQuery } from "../shell/route.ts";

/** What a viewer wants to see. Empty texts filter nothing. */
export interface Filter {
  hub: string;
  group: string;
  user: string;
  connection: string;
  text: string;
  /** Kinds to be seen; none means all. */
  kinds: string[];
  warnings: boolean;
}

export function fromRoute(query: RouteQuery): Filter {
  const { hub = "", group = "", user = "", connection = "", text = "", kind = "", level } = query;
  return { hub, group, user, connection, text, kinds: kind.split(",").filter(Boolean), warnings: level === "warning" };
}

export function toRoute(filter: Filter): RouteQuery {
  const { hub, group, user, connection, text, kinds, warnings } = filter;
  return { hub, group, user, connection, text, kind: kinds.join(","), level: warnings ? "warning" : undefined };
}

export const toQuery = (filter: Filter): Query => toRoute(filter);

export function toCommand({ kinds, warnings, ...texts }: Filter) {
  return command("trace", { ...texts, kind: kinds, warnings });
}

export const isEmpty = (filter: Filter) => Object.values(toRoute(filter)).every((value) => !value);
