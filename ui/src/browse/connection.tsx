import { get, path } from "../api/call.ts";
import type { Connection } from "../api/contract.ts";
import { useAsked } from "../parts/ask.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Facts } from "../parts/facts.tsx";
import { bytes, moment, plural, span, whole } from "../parts/format.ts";
import { Empty, Notice } from "../parts/notice.tsx";
import { href } from "../shell/route.ts";
import { ActButton } from "./act_button.tsx";
import { State } from "./connections.tsx";
import { Crumbs } from "./crumbs.tsx";

const CONNECTION_EVERY_MS = 3_000;

export function ConnectionPage({ hub, id }: { hub: string; id: string }) {
  const asked = useAsked((signal) => get<Connection>(path("hubs", hub, "connections", id), {}, signal), [hub, id], CONNECTION_EVERY_MS);
  const connection = asked.value;
  return (
    <div class="browse">
      <div class="page-head">
        <Crumbs
          steps={[
            ["hubs", ["browse"]],
            [hub, ["browse", hub]],
          ]}
          current={id}
          mono
        />
        <CopyButton text={id} what="the connection id" />
      </div>
      <p class="detail-links">
        <a href={href(["trace"], { hub, connection: id })}>Its trace</a>
        <a href={href(["why"], { hub, connection: id })}>Why did a message not arrive?</a>
      </p>
      {asked.error && <Notice tone={connection ? "warning" : "error"}>{connection ? `${asked.error} What stands below is what was last known.` : asked.error}</Notice>}
      {connection ? <Known hub={hub} connection={connection} again={asked.again} isGone={Boolean(asked.error)} /> : !asked.error && <Empty title="Asking…" />}
    </div>
  );
}

function Known({ hub, connection, again, isGone }: { hub: string; connection: Connection; again: () => void; isGone: boolean }) {
  const target = { kind: "connection" as const, name: connection.connection, user: connection.user };
  return (
    <>
      {!isGone && (
        <div class="acts">
          {(["send", "addToGroup", "removeFromAllGroups", "grant", "revoke", "close"] as const).map((action) => (
            <ActButton key={action} action={action} hub={hub} target={target} onDone={again} />
          ))}
        </div>
      )}
      <div class="cards">
        <section class="card">
          <h2>Connection</h2>
          <Facts
            rows={[
              ["state", <State connection={connection} />],
              ["user", connection.user === undefined ? <span class="dim">anonymous</span> : <a href={href(["browse", hub, "connections"], { user: connection.user })}>{connection.user}</a>],
              ["protocol", <span class="breaks">{connection.protocol}</span>],
              ["opened", `${moment(connection.openedAt)}, ${span(Date.now() - connection.openedAt)} ago`],
              ["node", connection.node],
              ["worker", String(connection.worker)],
            ]}
          />
        </section>
        <section class="card">
          <h2>Queue</h2>
          <Facts
            rows={[
              ["waiting", plural(connection.waitingMessages, "message")],
              ["bytes", bytes(connection.waitingBytes)],
              ["unacknowledged", connection.unacknowledged === undefined ? <span class="dim">this protocol acknowledges nothing</span> : plural(connection.unacknowledged, "message")],
              ["last sequence", connection.sequenceId === undefined ? undefined : whole(connection.sequenceId)],
            ]}
          />
        </section>
        <Groups hub={hub} connection={connection} again={again} isGone={isGone} />
        <Permissions connection={connection} />
      </div>
    </>
  );
}

function Groups({ hub, connection, again, isGone }: { hub: string; connection: Connection; again: () => void; isGone: boolean }) {
  return (
    <section class="card">
      <h2>{plural(connection.groupCount, "group")}</h2>
      {connection.groups.length === 0 ? (
        <p class="dim">It is in no group.</p>
      ) : (
        <ul class="tight">
          {connection.groups.map((group) => (
            <li key={group}>
              <a class="breaks" href={href(["browse", hub, "connections"], { group })}>
                {group}
              </a>
              {!isGone && <ActButton action="removeFromGroup" label="Remove" hub={hub} target={{ kind: "connection", name: connection.connection }} group={group} onDone={again} />}
            </li>
          ))}
        </ul>
      )}
      {connection.groupCount > connection.groups.length && <p class="dim">{whole(connection.groupCount - connection.groups.length)} more are not shown.</p>}
    </section>
  );
}

function Permissions({ connection }: { connection: Connection }) {
  const rows = [...connection.permissions.map((one) => [one, true] as const), ...(connection.denied ?? []).map((one) => [one, false] as const)];
  return (
    <section class="card">
      <h2>Permissions</h2>
      {rows.length === 0 ? (
        <p class="dim">It may neither join groups by itself nor send to them.</p>
      ) : (
        <ul class="tight">
          {rows.map(([permission, isAllowed]) => {
            const [name, ...group] = permission.split(":");
            return (
              <li key={`${permission}${isAllowed}`}>
                <span class={isAllowed ? "" : "bad"}>
                  {isAllowed ? "may" : "may not"} {name === "sendToGroup" ? "send to" : "join and leave"} {group.length ? `group ${group.join(":")}` : "every group"}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
