import type { Named } from "../api/contract.ts";
import { path } from "../api/call.ts";
import { plural, whole } from "../parts/format.ts";
import { Empty } from "../parts/notice.tsx";
import { href, route } from "../shell/route.ts";
import { ActButton } from "./act_button.tsx";
import { Pager, usePaged } from "./paging.tsx";
import { Search } from "./search.tsx";
import { Table, type Column } from "./table.tsx";

/** The groups or the users of a hub. */
export function NamedList({ hub, list }: { hub: string; list: "groups" | "users" }) {
  const noun = list === "groups" ? "group" : "user";
  const { search = "" } = route.value.query;
  const paged = usePaged<Named>(path("hubs", hub, list), { search });
  const columns: Column<Named>[] = [
    { title: noun === "group" ? "Group" : "User", cell: ({ name }) => <a class="clip name" title={name} href={href(["browse", hub, "connections"], { [noun]: name })}>{name}</a> },
    { title: "Connections", cell: ({ connections }) => whole(connections), number: true },
    { title: "Trace", cell: ({ name }) => <a href={href(["trace"], { hub, [noun]: name })}>trace</a>, wide: true },
    {
      title: "Act",
      cell: ({ name, connections }) => (
        <div class="acts">
          <ActButton action="send" hub={hub} target={{ kind: noun, name, connections }} onDone={paged.again} />
          {noun === "user" && <ActButton action="addToGroup" hub={hub} target={{ kind: noun, name, connections }} onDone={paged.again} />}
          <ActButton action="close" hub={hub} target={{ kind: noun, name, connections }} onDone={paged.again} />
        </div>
      ),
    },
  ];
  return (
    <>
      <div class="list-tools">
        <Search label={`Search ${list}`} placeholder={`Search ${list} by name`} />
        <Pager paged={paged} />
      </div>
      <Table
        caption={`${noun === "group" ? "Groups" : "Users"} of hub ${hub}`}
        columns={columns}
        asked={paged}
        keyOf={({ name }) => name}
        empty={search ? <Empty title={`No ${noun} of ${hub} has “${search}” in its name.`} /> : <Empty title={`No ${noun}s.`}>{noun === "group" ? "A group is there while it has members." : `Nobody in ${hub} is connected with a user id.`}</Empty>}
      />
      {paged.value && paged.value.items.length > 0 && <p class="list-foot dim">{plural(paged.value.items.length, noun)} on this page</p>}
    </>
  );
}
