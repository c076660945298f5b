import type { FunctionComponent } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { ActHost } from "../browse/act_button.tsx";
import { BrowsePage } from "../browse/page.tsx";
import { Notice } from "../parts/notice.tsx";
import { PlaygroundPage } from "../playground/page.tsx";
import { PlotsPage } from "../plots/page.tsx";
import { TracePage } from "../trace/page.tsx";
import { WhyPage } from "../why/page.tsx";
import { Header } from "./header.tsx";
import { route } from "./route.ts";
import { access } from "./session.ts";
import { Shut, SignIn, Unreachable } from "./sign_in.tsx";
import { ask } from "./sign_in_calls.ts";

export interface PageEntry {
  name: string;
  title: string;
  page: FunctionComponent;
}

export const PAGES: PageEntry[] = [
  { name: "trace", title: "Trace", page: TracePage },
  { name: "why", title: "Why", page: WhyPage },
  { name: "browse", title: "Browse", page: BrowsePage },
  { name: "playground", title: "Playground", page: PlaygroundPage },
  { name: "plots", title: "Plots", page: PlotsPage },
];

export function App() {
  useEffect(() => void ask(), []);
  const state = access.value;
  if (state.kind === "asking") return <main id="main" aria-busy="true" />;
  if (state.kind === "signIn") return <SignIn />;
  if (state.kind === "shut") return <Shut code={state.code} message={state.message} />;
  if (state.kind === "unreachable") return <Unreachable message={state.message} />;
  return <Inside />;
}

function Inside() {
  const name = route.value.segments[0] ?? "trace";
  const entry = PAGES.find((page) => page.name === name);
  useLayoutEffect(() => {
    document.title = `${entry?.title ?? "Not found"} · Hubwire console`;
  }, [entry]);
  return (
    <>
      <button type="button" class="to-main" onClick={() => document.getElementById("main")?.focus()}>
        To the content
      </button>
      <Header pages={PAGES} current={name} />
      <main id="main" tabIndex={-1} class={`page-${name}`}>
        {entry ? (
          <entry.page key={entry.name} />
        ) : (
          <div class="narrow">
            <Notice tone="warning">
              There is no page <code>{name}</code>. <a href="#/trace">Go to the trace.</a>
            </Notice>
          </div>
        )}
      </main>
      <ActHost />
    </>
  );
}
