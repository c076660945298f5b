import { useState } from "preact/hooks";

/** Puts text on the clipboard. Browsers give the modern way to secure origins only, so the old one is kept beside it. */
export async function copy(text: string) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "offscreen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("The browser does not let the page copy.");
}

interface Props {
  text: string | (() => string);
  label?: string;
  /** What a button that says only "Copy" copies, for those who do not see where it stands. */
  what?: string;
}

export function CopyButton({ text, label, what }: Props) {
  const [state, setState] = useState<"idle" | "done" | "failed">("idle");
  const press = async () => {
    try {
      await copy(typeof text === "function" ? text() : text);
      setState("done");
    } catch {
      setState("failed");
    }
    setTimeout(() => setState("idle"), 1600);
  };
  return (
    <button type="button" class="button small" {...(!label && { "aria-label": `Copy ${what}` })} onClick={press}>
      <span aria-live="polite">{state === "done" ? "Copied" : state === "failed" ? "Select and copy by hand" : (label ?? "Copy")}</span>
    </button>
  );
}
