import { href } from "../shell/route.ts";

/** The way down to what is shown, which is the page's heading. */
export function Crumbs({ steps, current, mono }: { steps: [string, string[]][]; current: string; mono?: boolean }) {
  return (
    <div class="crumbs">
      {steps.map(([text, segments]) => (
        <span key={text}>
          <a href={href(segments)}>{text}</a>
          <span class="dim" aria-hidden="true">
            {" / "}
          </span>
        </span>
      ))}
      <h1 class={mono ? "mono breaks" : ""}>{current}</h1>
    </div>
  );
}
