import { signal } from "@preact/signals";

/** The same limit as in the style sheets. */
const query = matchMedia("(max-width: 760px)");
const narrow = signal(query.matches);
query.addEventListener("change", () => (narrow.value = query.matches));

/** Whether the page is as narrow as on a phone. */
export const useNarrow = () => narrow.value;
