import { signal } from "@preact/signals";

/** Where the page is: `#/why?hub=chat` is the segments `["why"]` and a query. */
export interface Route {
  segments: string[];
  query: Record<string, string>;
}

export const route = signal(parse(location.hash));

addEventListener("hashchange", () => (route.value = parse(location.hash)));

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return {
    segments: path.split("/").filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** A link that somebody has mangled still has to lead somewhere. */
function decode(segment: string) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export type RouteQuery = Record<string, string | undefined>;

export function href(segments: string[], query: RouteQuery = {}) {
  const filled = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(filled).toString();
  return `#/${segments.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

export function go(segments: string[], query: RouteQuery = {}) {
  location.hash = href(segments, query);
}

/** Changes the query in place, so that the way back does not lead through each letter that was typed. */
export function refine(query: RouteQuery) {
  const target = href(route.value.segments, query);
  if (target === location.hash) return;
  history.replaceState(null, "", target);
  route.value = parse(target);
}
