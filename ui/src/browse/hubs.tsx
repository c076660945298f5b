import type { Hub } from "../api/contract.ts";
import { whole } from "../parts/format.ts";
import { useHubs } from "../parts/hub_field.tsx";
import { Empty } from "../parts/notice.tsx";
import { href } from "../shell/route.ts";
import { NodeList } from "./nodes.tsx";
import { Table, type Column } from "./table.tsx";

const COLUMNS: Column<Hub>[] = [
  { title: "Hub", cell: ({ name }) => <a href={href(["browse", name])}>{name}</a> },
  { title: "Connections", cell: ({ name, connections }) => <a href={href(["browse", name, "connections"])}>{whole(connections)}</a>, number: true },
  { title: "Groups", cell: ({ name, groups }) => <a href={href(["browse", name, "groups"])}>{whole(groups)}</a>, number: true },
  { title: "Users", cell: ({ name, users }) => <a href={href(["browse", name, "users"])}>{whole(users)}</a>, number: true },
  { title: "Trace", cell: ({ name }) => <a href={href(["trace"], { hub: name })}>trace</a> },
];

export function HubList() {
  const hubs = useHubs(5_000);
  return (
    <div class="browse">
      <div class="page-head">
        <h1>Hubs</h1>
      </div>
      <Table
        caption="Hubs with connections"
        columns={COLUMNS}
        asked={hubs}
        keyOf={({ name }) => name}
        empty={
          <Empty title="Nobody is connected.">
            A hub is there while it has connections. Open one in the <a href="#/playground">playground</a>.
          </Empty>
        }
      />
      <NodeList />
    </div>
  );
}
