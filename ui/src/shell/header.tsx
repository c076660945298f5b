import { useEffect } from "preact/hooks";
import { get, reachable } from "../api/call.ts";
import { plural } from "../parts/format.ts";
import type { PageEntry } from "./app.tsx";
import { ask, overview } from "./overview.ts";
import { access } from "./session.ts";
import { signOut } from "./sign_in_calls.ts";
import { nextTheme, theme } from "./theme.ts";

const THEME_TEXT = { system: "Auto", light: "Light", dark: "Dark" } as const;
const OVERVIEW_EVERY_MS = 5_000;

export function Header({ pages, current }: { pages: PageEntry[]; current: string }) {
  useEffect(() => {
    const once = () => document.visibilityState === "visible" && void ask(get);
    once();
    const timer = setInterval(once, OVERVIEW_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <header class="top">
      <a class="brand" href="#/trace" aria-label="Hubwire console, trace">
        <img src="icon.svg" width="20" height="20" alt="" />
        <span>hubwire</span>
      </a>
      <nav aria-label="Pages">
        {pages.map(({ name, title }) => (
          <a key={name} href={`#/${name}`} {...(name === current && { "aria-current": "page" as const })}>
            {title}
          </a>
        ))}
      </nav>
      <div class="top-end">
        <Pulse />
        <Person />
        <button type="button" class="button quiet" onClick={nextTheme} aria-label={`Colours: ${THEME_TEXT[theme.value]}. Change.`} title="Light, dark, or as the system has it">
          <span class={`theme-mark ${theme.value}`} aria-hidden="true" />
          <span class="wide">{THEME_TEXT[theme.value]}</span>
        </button>
      </div>
    </header>
  );
}

/** Whether the service answers, and how many it serves. */
function Pulse() {
  const facts = overview.value;
  const title = facts ? `Version ${facts.version}, ${plural(facts.workers, "worker")}, ${facts.endpoint}` : "";
  return (
    <span class="pulse" role="status" title={title}>
      <span class={`dot ${reachable.value ? "good" : "bad"}`} aria-hidden="true" />
      {!reachable.value ? "no answer" : facts ? <span>{plural(facts.connections, "connection")}</span> : ""}
    </span>
  );
}

function Person() {
  if (access.value.kind !== "in") return null;
  const { role, how, name } = access.value.session;
  const title = how === "open" ? "The console is open: development mode on this machine." : role === "viewer" ? "Viewers may look, and not act." : "Operators may do everything.";
  return (
    <>
      <span class="role wide" title={title}>
        {how === "open" ? "open" : role}
        {name && ` · ${name}`}
      </span>
      {(how === "token" || how === "openid") && (
        <button type="button" class="button quiet" onClick={() => void signOut()}>
          Sign out
        </button>
      )}
    </>
  );
}
