import { get } from "../api/call.ts";
import type { Node } from "../api/contract.ts";
import { useAsked } from "../parts/ask.ts";
import { span, whole } from "../parts/format.ts";
import { Table, type Column } from "./table.tsx";

const NODES_EVERY_MS = 5_000;

const known = (value: number | undefined) => (value === undefined ? <span class="dim">–</span> : whole(value));

const COLUMNS: Column<Node>[] = [
  { title: "Node", cell: ({ node, silent }) => (silent ? <span class="warning-text">{node}: no answer</span> : <span class="mono">{node}</span>) },
  { title: "Address", cell: ({ endpoint }) => endpoint, wide: true },
  { title: "Version", cell: ({ version }) => version, wide: true },
  { title: "Up", cell: ({ startedAt }) => (startedAt === undefined ? "" : span(Date.now() - startedAt)), number: true },
  { title: "Connections", cell: ({ connections }) => known(connections), number: true },
  { title: "Interests", cell: ({ standing }) => known(standing?.interests), number: true },
  { title: "Backlog", cell: ({ standing }) => known(standing?.backlogFrames), number: true, wide: true },
];

/** The nodes of the cluster; nothing where there is only one. */
export function NodeList() {
  const nodes = useAsked((signal) => get<{ items: Node[] }>("nodes", {}, signal), ["nodes"], NODES_EVERY_MS);
  if (!nodes.value?.items.some(({ node }) => node !== undefined)) return null;
  return (
    <section>
      <h2>Nodes</h2>
      <Table caption="Nodes of the cluster" columns={COLUMNS} asked={nodes} keyOf={({ node = "" }) => node} empty={null} />
    </section>
  );
}
