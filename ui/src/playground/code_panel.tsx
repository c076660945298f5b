import { useState } from "preact/hooks";
import { CopyButton } from "../parts/copy.tsx";
import { Segmented } from "../parts/field.tsx";
import { overview } from "../shell/overview.ts";
import { clientUrl, groupsOf, rolesOf, room, wanted } from "./access.ts";
import { LANGUAGES, type Language, type Part, samples } from "./code/samples.ts";

const PARTS: readonly (readonly [Part, string])[] = [
  ["client", "Client"],
  ["server", "Application"],
];
/** The one that everybody knows; it works in development mode only. */
const DEVELOPMENT_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

/** What the panels above do, in the languages of the SDKs. */
export function CodePanel() {
  const [language, setLanguage] = useState<Language>("javascript");
  const [part, setPart] = useState<Part>("client");
  const { hub, user, minutes } = wanted.value;
  const endpoint = overview.value?.endpoint ?? location.origin;
  const key = overview.value?.developmentKey ? DEVELOPMENT_KEY : "<access key>";
  const { install, code } = samples[language][part]({
    connectionString: `Endpoint=${endpoint};AccessKey=${key};Version=1.0;`,
    isInsecure: endpoint.startsWith("http://"),
    url: clientUrl.value?.url ?? "<client URL>",
    hub,
    user,
    roles: rolesOf(wanted.value),
    groups: groupsOf(wanted.value),
    minutes: Number(minutes) || 60,
    group: room.value || "room",
  });
  return (
    <section class="card code-panel" aria-labelledby="code-title">
      <div class="card-head">
        <h2 id="code-title">The same in code</h2>
        <CopyButton text={code} what="the code" />
      </div>
      <div class="code-choice">
        <Segmented label="Language" value={language} options={LANGUAGES} onChange={setLanguage} />
        <Segmented label="Which side" value={part} options={PARTS} onChange={setPart} />
      </div>
      <p class="install">
        <code>{install}</code>
        <CopyButton text={install} what="the command that installs the package" />
      </p>
      <pre class="code sample" tabIndex={0} aria-label={`Code in ${language}`}>
        {code}
      </pre>
    </section>
  );
}
