import type { ComponentChildren } from "preact";
import type { Page } from "../api/contract.ts";
import { Empty, Notice, Silent } from "../parts/notice.tsx";
import type { Asked } from "../parts/ask.ts";

export interface Column<Item> {
  title: string;
  cell: (item: Item) => ComponentChildren;
  /** Numbers stand to the right. */
  number?: boolean;
  /** Left out where the page is narrow. */
  wide?: boolean;
}

interface Props<Item> {
  caption: string;
  columns: Column<Item>[];
  asked: Asked<{ items: Item[]; nodes?: Page<Item>["nodes"] }>;
  keyOf: (item: Item) => string;
  empty: ComponentChildren;
}

export function Table<Item>({ caption, columns, asked, keyOf, empty }: Props<Item>) {
  if (!asked.value) return asked.error ? <Notice tone="error">{asked.error}</Notice> : <Empty title="Asking…" />;
  return (
    <>
      {asked.error && <Notice tone="error">{asked.error} What stands below is older.</Notice>}
      {asked.value.nodes && <Silent nodes={asked.value.nodes.silent} />}
      {asked.value.items.length === 0 ? (
        empty
      ) : (
        <div class="table-frame">
          <table class="data">
            <caption class="offscreen">{caption}</caption>
            <thead>
              <tr>
                {columns.map(({ title, number, wide }) => (
                  <th key={title} scope="col" class={classOf(number, wide)}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {asked.value.items.map((item) => (
                <tr key={keyOf(item)}>
                  {columns.map(({ title, cell, number, wide }) => (
                    <td key={title} class={classOf(number, wide)}>
                      {cell(item)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

const classOf = (number?: boolean, wide?: boolean) => [number && "number", wide && "wide"].filter(Boolean).join(" ");
