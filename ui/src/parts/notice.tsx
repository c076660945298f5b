import type { ComponentChildren } from "preact";

interface Props {
  tone?: "info" | "warning" | "error" | "good";
  children: ComponentChildren;
}

/** Something that the reader has to know now. */
export function Notice({ tone = "info", children }: Props) {
  return (
    <div class={`notice ${tone}`} role={tone === "error" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** Nothing to show, and why. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-more">{children}</div>}
    </div>
  );
}

/** Nodes of the cluster that did not answer. */
export function Silent({ nodes }: { nodes: string[] }) {
  if (nodes.length === 0) return null;
  return <Notice tone="warning">No answer from {nodes.length === 1 ? "node" : "nodes"} {nodes.join(", ")}: what is there is missing here.</Notice>;
}
