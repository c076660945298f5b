import { route } from "../shell/route.ts";
import { Notice } from "../parts/notice.tsx";
import { ConnectionPage } from "./connection.tsx";
import { ConnectionList } from "./connections.tsx";
import { Crumbs } from "./crumbs.tsx";
import { HubList } from "./hubs.tsx";
import { NamedList } from "./named.tsx";
import { HubActions } from "./hub_actions.tsx";

const LISTS = [
  ["connections", "Connections"],
  ["groups", "Groups"],
  ["users", "Users"],
] as const;

export function BrowsePage() {
  const [, hub, list = "connections", id] = route.value.segments;
  if (!hub) return <HubList />;
  if (list === "connections" && id) return <ConnectionPage key={id} hub={hub} id={id} />;
  if (!LISTS.some(([name]) => name === list)) return <Notice tone="warning">There is no list of {list} in a hub.</Notice>;
  return (
    <div class="browse">
      <div class="page-head">
        <Crumbs steps={[["hubs", ["browse"]]]} current={hub} />
        <HubActions hub={hub} />
      </div>
      <nav class="tabs" aria-label={`Hub ${hub}`}>
        {LISTS.map(([name, title]) => (
          <a key={name} href={`#/browse/${encodeURIComponent(hub)}/${name}`} {...(name === list && { "aria-current": "page" as const })}>
            {title}
          </a>
        ))}
      </nav>
      {list === "connections" ? <ConnectionList key={hub} hub={hub} /> : <NamedList key={`${hub}/${list}`} hub={hub} list={list as "groups" | "users"} />}
    </div>
  );
}
