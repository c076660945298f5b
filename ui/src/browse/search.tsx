import { useEffect, useState } from "preact/hooks";
import { TextField } from "../parts/field.tsx";
import { useSettled } from "../parts/settled.ts";
import { refine, route } from "../shell/route.ts";

/** Searches the list; what is searched for stands in the page's address. */
export function Search({ label, placeholder }: { label: string; placeholder: string }) {
  const { search = "" } = route.value.query;
  const [draft, setDraft] = useState(search);
  const settled = useSettled(draft);
  useEffect(() => setDraft(search), [search]);
  useEffect(() => {
    if (settled !== search) refine({ ...route.peek().query, search: settled });
  }, [settled]);
  return (
    <form role="search" class="search" onSubmit={(event) => event.preventDefault()}>
      <TextField label={label} class="bare" type="search" value={draft} onInput={setDraft} placeholder={placeholder} />
    </form>
  );
}
