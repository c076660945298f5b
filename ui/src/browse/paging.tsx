import { useEffect, useState } from "preact/hooks";
import { get } from "../api/call.ts";
import type { Page } from "../api/contract.ts";
import { type Asked, useAsked } from "../parts/ask.ts";

export const PAGE_ITEMS = 50;
const LIST_EVERY_MS = 5_000;

export interface Paged<Item> extends Asked<Page<Item>> {
  /** From 1. */
  page: number;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
}

/** A list by pages. Going back needs the beginnings of the pages before, which the service does not keep for us. */
export function usePaged<Item>(path: string, query: Record<string, string>): Paged<Item> {
  const key = JSON.stringify([path, query]);
  const [starts, setStarts] = useState<{ key: string; list: string[] }>({ key, list: [] });
  const list = starts.key === key ? starts.list : [];
  useEffect(() => setStarts({ key, list: [] }), [key]);
  const after = list.at(-1) ?? "";
  const asked = useAsked((signal) => get<Page<Item>>(path, { ...query, after, limit: PAGE_ITEMS }, signal), [key, after], LIST_EVERY_MS);
  const next = asked.value?.next;
  return {
    ...asked,
    page: list.length + 1,
    next: next === undefined ? undefined : () => setStarts({ key, list: [...list, next] }),
    previous: list.length === 0 ? undefined : () => setStarts({ key, list: list.slice(0, -1) }),
  };
}

export function Pager({ paged }: { paged: Paged<unknown> }) {
  if (!paged.next && !paged.previous) return null;
  return (
    <div class="pager" role="group" aria-label="Pages of the list">
      <button type="button" class="button" disabled={!paged.previous} onClick={paged.previous}>
        ← Previous
      </button>
      <span class="tabular">page {paged.page}</span>
      <button type="button" class="button" disabled={!paged.next} onClick={paged.next}>
        Next →
      </button>
    </div>
  );
}
