// The live trace in the page: what happens is seen as it happens, by those who look for it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { refusedHandshake } from "./support/console.mjs";
import { until } from "./support/deadline.mjs";
import { Proxy } from "./support/proxy.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

withChromium("the live trace", () => {
  let server;
  let browser;
  before(async () => {
    server = await startServer();
    browser = await Browser.start();
  });
  after(async () => {
    await browser.stop();
    await server.stop();
  });

  /** The trace of a hub, as soon as it is live. */
  async function watch(hub, more = "", at = server) {
    const tab = await browser.open(at, `trace?hub=${hub}${more}`);
    await isLive(tab);
    return tab;
  }

  const isLive = (tab) => tab.page.locator(".line.live").waitFor();
  const row = (tab, kind, text) => tab.page.getByRole("option").filter({ has: tab.page.locator(".kind", { hasText: new RegExp(`^${kind}$`) }) }).filter({ hasText: text });
  const kinds = (tab) => tab.page.locator(".trace-row .kind").allTextContents();

  test("shows connections, groups, messages, deliveries, REST calls and the end", async () => {
    const hub = server.hub("trace");
    const tab = await watch(hub);
    await tab.see("No event matches the filters yet.");
    const client = await RawClient.json(server, hub, { userId: "alice" });
    await row(tab, "opened", "alice").waitFor();
    await client.join("room");
    await row(tab, "joined", "room").waitFor();
    await client.publish("room", "hello from alice");
    await row(tab, "publish", "hello from alice").waitFor();
    await row(tab, "delivery", "").first().waitFor();
    await new Hub(server, hub).sendText("/groups/room", "over REST");
    await row(tab, "publish", "over REST").waitFor();
    await row(tab, "REST", "202").waitFor();
    await client.close(1000);
    await row(tab, "closed", "1000").waitFor();
    await tab.close();
  });

  test("gives the reason of refusals in words, and can show nothing but them", async () => {
    const hub = server.hub("refusals");
    const tab = await watch(hub);
    assert.equal(await refusedHandshake(server, `/client/hubs/${hub}?access_token=nonsense`), 401);
    const client = await RawClient.json(server, hub, { userId: "bob", roles: [] });
    assert.equal((await client.join("secret")).success, false);
    const refused = row(tab, "refused", "401");
    await refused.waitFor();
    await row(tab, "request refused", "secret").waitFor();
    assert.match(await refused.getAttribute("class"), /warning/);
    await row(tab, "opened", "bob").waitFor();
    await tab.field("Only warnings").check();
    await row(tab, "opened", "bob").waitFor({ state: "detached" });
    await row(tab, "request refused", "secret").waitFor();
    assert.deepEqual((await kinds(tab)).sort(), ["refused", "request refused"]);
    await tab.close();
    await client.close(1000);
  });

  test("shows only what the filters say", async () => {
    const hub = server.hub("filters");
    const tab = await watch(hub);
    const [alice, bob] = await Promise.all(["alice", "bob"].map((userId) => RawClient.json(server, hub, { userId })));
    await alice.join("red");
    await bob.join("blue");
    await alice.publish("red", "apple");
    await bob.publish("blue", "bread");
    await row(tab, "publish", "bread").waitFor();
    const only = async (label, value, there, gone) => {
      await tab.field(label).fill(value);
      await gone.waitFor({ state: "detached" });
      await there.waitFor();
      await tab.field(label).fill("");
      await gone.waitFor();
    };
    await only("User", "alice", row(tab, "opened", "alice"), row(tab, "opened", "bob"));
    await only("Group", "blue", row(tab, "joined", "blue"), row(tab, "joined", "red"));
    await only("Connection", bob.connectionId, row(tab, "opened", "bob"), row(tab, "opened", "alice"));
    await only("Text", "APPLE", row(tab, "publish", "apple"), row(tab, "publish", "bread"));
    await tab.page.locator("summary", { hasText: "all" }).click();
    await tab.field("joined").check();
    await row(tab, "opened", "alice").waitFor({ state: "detached" });
    await row(tab, "joined", "red").waitFor();
    assert.deepEqual(await kinds(tab), ["joined", "joined"]);
    assert.match(tab.page.url(), /kind=joined|kind=groupJoined/);
    await tab.close();
    await RawClient.closeAll(alice, bob);
  });

  ofOneProcess(test)("pauses, goes on without a gap, and clears", async () => {
    const hub = server.hub("pause");
    const tab = await watch(hub);
    const client = await RawClient.json(server, hub, { userId: "alice" });
    await row(tab, "opened", "alice").waitFor();
    await tab.button("Pause").click();
    await tab.see(/paused since/);
    await client.join("while-paused");
    assert.equal(await row(tab, "joined", "while-paused").count(), 0);
    await tab.button("Go on").click();
    await row(tab, "joined", "while-paused").waitFor();
    assert.equal(await row(tab, "opened", "alice").count(), 1);
    await tab.button("Clear").click();
    await tab.page.getByRole("option").first().waitFor({ state: "detached" });
    await client.join("after-clearing");
    await row(tab, "joined", "after-clearing").waitFor();
    assert.equal(await row(tab, "joined", "while-paused").count(), 0);
    await tab.close();
    await client.close(1000);
  });

  test("is exported as one JSON object a line", async () => {
    const hub = server.hub("export");
    const tab = await watch(hub);
    const client = await RawClient.json(server, hub, { userId: "alice" });
    await client.join("room");
    await row(tab, "joined", "room").waitFor();
    const waiting = tab.page.waitForEvent("download");
    await tab.button("Export").click();
    const download = await waiting;
    assert.match(download.suggestedFilename(), /^hubwire-trace-.*\.jsonl$/);
    const events = (await readFile(await download.path(), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));
    const opened = events.find(({ kind }) => kind === "connectionOpened");
    assert.deepEqual([opened.hub, opened.user, opened.connection, opened.level], [hub, "alice", client.connectionId, "info"]);
    assert.ok(events.every(({ seq, time, text }) => Number.isInteger(seq) && Number.isInteger(time) && text));
    await tab.close();
    await client.close(1000);
  });

  ofOneProcess(test)("connects again by itself, and misses nothing in between", async () => {
    const hub = server.hub("again");
    const proxy = await Proxy.before(server);
    const tab = await watch(hub, "", server.through(proxy.port));
    const client = await RawClient.json(server, hub, { userId: "alice" });
    await row(tab, "opened", "alice").waitFor();
    proxy.refuse();
    proxy.cut();
    await tab.see(/Again in \d+ s/);
    await client.join("meanwhile");
    proxy.admit();
    await row(tab, "joined", "meanwhile").waitFor();
    assert.equal(await row(tab, "opened", "alice").count(), 1);
    await tab.close();
    await proxy.stop();
    await client.close(1000);
  });

  test("says how many events were dropped", async () => {
    const tab = await browser.open(server, "plots");
    const status = { dropped: 7, sourceDropped: 1, viewers: 1, recording: { on: true, always: false }, lastSeq: 0 };
    // No page in a test is slow enough to be dropped for; what the service says then is put into its mouth.
    await tab.page.route("**/console/api/trace*", (route) => route.fulfill({ contentType: "text/event-stream", body: `event: status\ndata: ${JSON.stringify(status)}\n\n` }));
    await tab.go("trace");
    await tab.see("7 events dropped for this viewer");
    await tab.see("1 event not handed over by busy workers");
    await tab.close();
  });

  test("opens an event by the keyboard, and leads from a message to its recipients", async () => {
    const hub = server.hub("detail");
    const tab = await watch(hub, "&kind=publish");
    const client = await RawClient.json(server, hub, { userId: "alice", groups: ["room"] });
    await client.publish("room", "what is in it");
    await row(tab, "publish", "what is in it").waitFor();
    await tab.page.getByRole("listbox").focus();
    await tab.page.keyboard.press("End");
    const detail = tab.page.getByRole("complementary", { name: "The selected event" });
    await tab.see("what is in it", detail.locator("pre"));
    await tab.see(client.connectionId, detail);
    await tab.page.keyboard.press("Enter");
    await tab.page.keyboard.press("Enter");
    await tab.page.getByRole("heading", { name: "Why did it not arrive?" }).waitFor();
    await until(async () => (await tab.page.locator(".answer").count()) === 1, "the answer for the one member");
    await tab.close();
    await client.close(1000);
  });
});
