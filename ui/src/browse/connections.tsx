import type { Connection } from "../api/contract.ts";
import { path } from "../api/call.ts";
import { bytes, plural, shortId, span, whole } from "../parts/format.ts";
import { Empty } from "../parts/notice.tsx";
import { href, refine, route } from "../shell/route.ts";
import { ActButton } from "./act_button.tsx";
import { Pager, usePaged } from "./paging.tsx";
import { Search } from "./search.tsx";
import { Table, type Column } from "./table.tsx";

/** `json.reliable.webpubsub.azure.v1` as `json, reliable`: what follows is the same for all. */
export const protocolName = (protocol: string) => protocol.replace(/\.webpubsub\.azure\.v1$/, "").replace(".", ", ");

const columns = (hub: string, again: () => void): Column<Connection>[] => [
  {
    title: "Connection",
    cell: ({ connection }) => (
      <a class="mono" href={href(["browse", hub, "connections", connection])} title={connection}>
        {shortId(connection)}
      </a>
    ),
  },
  { title: "User", cell: ({ user }) => (user === undefined ? <span class="dim">anonymous</span> : <a class="clip" title={user} href={href(["browse", hub, "connections"], { user })}>{user}</a>) },
  { title: "Protocol", cell: ({ protocol }) => protocolName(protocol), wide: true },
  { title: "State", cell: (one) => <State connection={one} /> },
  { title: "Age", cell: ({ openedAt }) => span(Date.now() - openedAt), number: true },
  { title: "Groups", cell: ({ groupCount, groups }) => <span title={groups.join(", ")}>{whole(groupCount)}</span>, number: true, wide: true },
  { title: "Queue", cell: ({ waitingMessages }) => <Queue value={waitingMessages} />, number: true },
  { title: "Queued bytes", cell: ({ waitingBytes }) => (waitingBytes === 0 ? <span class="dim">0</span> : bytes(waitingBytes)), number: true, wide: true },
  { title: "Unacked", cell: ({ unacknowledged }) => (unacknowledged === undefined ? <span class="dim">–</span> : whole(unacknowledged)), number: true, wide: true },
  { title: "Worker", cell: ({ node, worker }) => (node === undefined ? worker : <span title={`Worker ${worker} of node ${node}`}>{node}/{worker}</span>), number: true, wide: true },
  {
    title: "Act",
    cell: (one) => (
      <div class="acts">
        <ActButton action="send" hub={hub} target={{ kind: "connection", name: one.connection, user: one.user }} onDone={again} />
        <ActButton action="close" hub={hub} target={{ kind: "connection", name: one.connection, user: one.user }} onDone={again} />
      </div>
    ),
    wide: true,
  },
];

export function State({ connection }: { connection: Connection }) {
  if (connection.attached) return <span>connected</span>;
  return (
    <span class="warning-text" title="Its socket is gone, and its session waits to be recovered">
      detached
    </span>
  );
}

const Queue = ({ value }: { value: number }) => <span class={value === 0 ? "dim" : "warning-text"}>{whole(value)}</span>;

export function ConnectionList({ hub }: { hub: string }) {
  const { search = "", group = "", user = "" } = route.value.query;
  const paged = usePaged<Connection>(path("hubs", hub, "connections"), { search, group, user });
  return (
    <>
      <div class="list-tools">
        <Search label="Search connections" placeholder="Search by id or user" />
        {group && <Chip name="group" value={group} onRemove={() => refine({ search, user })} />}
        {user && <Chip name="user" value={user} onRemove={() => refine({ search, group })} />}
        {(group || user) && <Scope hub={hub} kind={user ? "user" : "group"} name={user || group} again={paged.again} />}
        <Pager paged={paged} />
      </div>
      <Table
        caption={`Connections of hub ${hub}`}
        columns={columns(hub, paged.again)}
        asked={paged}
        keyOf={({ connection }) => connection}
        empty={<NoConnection hub={hub} search={search} group={group} user={user} />}
      />
      {paged.value && paged.value.items.length > 0 && <p class="list-foot dim">{plural(paged.value.items.length, "connection")} on this page</p>}
    </>
  );
}

function NoConnection({ hub, search, group, user }: { hub: string; search: string; group: string; user: string }) {
  const conditions = [search && `has “${search}” in its id or user`, group && `is in group ${group}`, user && `is of user ${user}`].filter(Boolean);
  if (conditions.length === 0) return <Empty title={`Nobody is connected to ${hub}.`}>A hub is there while it has connections.</Empty>;
  return <Empty title={`No connection of ${hub} ${conditions.join(" and ")}.`} />;
}

function Chip({ name, value, onRemove }: { name: string; value: string; onRemove: () => void }) {
  return (
    <span class="chip">
      <span class="dim">{name}</span> {value}
      <button type="button" aria-label={`Do not restrict to ${name} ${value}`} onClick={onRemove}>
        ✕
      </button>
    </span>
  );
}

/** What can be done with the whole of a group or user that the list is restricted to. */
function Scope({ hub, kind, name, again }: { hub: string; kind: "user" | "group"; name: string; again: () => void }) {
  const target = { kind, name };
  return (
    <div class="acts">
      <ActButton action="send" hub={hub} target={target} onDone={again} />
      {kind === "user" && <ActButton action="addToGroup" hub={hub} target={target} onDone={again} />}
      {kind === "user" && <ActButton action="removeFromGroup" hub={hub} target={target} onDone={again} />}
      {kind === "group" && <ActButton action="addMember" hub={hub} target={target} onDone={again} />}
      <ActButton action="close" hub={hub} target={target} onDone={again} />
    </div>
  );
}
