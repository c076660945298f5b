import { href } from "../shell/route.ts";
import { ActButton } from "./act_button.tsx";

/** What can be done with a whole hub. */
export function HubActions({ hub }: { hub: string }) {
  const target = { kind: "all" as const };
  return (
    <div class="acts">
      <a class="button small" href={href(["trace"], { hub })}>
        Trace
      </a>
      <ActButton action="send" label="Send to everybody" hub={hub} target={target} />
      <ActButton action="close" label="Close all" hub={hub} target={target} />
    </div>
  );
}
