import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "hubwire-console-theme";

export const theme = signal<Theme>(stored());

/** Counts up whenever colours may be others, for what is painted and not styled. */
export const paint = signal(0);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (paint.value += 1));

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  paint.value = paint.peek() + 1;
});

export function nextTheme() {
  const order: Theme[] = ["system", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A browser that keeps nothing still shows what was chosen, for this visit.
  }
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}
