// Hubs, groups, users and connections in the page, and what an operator does with them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { ofOneProcess, startServer } from "./support/server.mjs";

withChromium("browsing", () => {
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

  const row = (tab, text) => tab.page.getByRole("row").filter({ hasText: text });
  const dialog = (tab) => tab.page.getByRole("dialog");

  /** Answers the open question, and reads what came of it. */
  async function confirm(tab, button) {
    await tab.button(button, dialog(tab)).click();
    await tab.see(/Done/, dialog(tab));
    await tab.button("Close this dialog", dialog(tab)).last().click();
    await dialog(tab).waitFor({ state: "detached" });
  }

  ofOneProcess(test)("leads from hubs through groups and users to a connection", async () => {
    const hub = server.hub("browse");
    const alice = await RawClient.reliable(server, hub, { userId: "alice", groups: ["red", "blue"] });
    const bob = await RawClient.simple(server, hub, { userId: "bob", groups: ["red"] });
    const tab = await browser.open(server, "browse");
    await row(tab, hub).waitFor();
    assert.deepEqual(await row(tab, hub).getByRole("cell").allTextContents(), [hub, "2", "2", "2", "trace"]);
    await row(tab, hub).getByRole("link", { name: hub, exact: true }).click();
    await tab.page.getByRole("navigation", { name: `Hub ${hub}` }).getByRole("link", { name: "Groups" }).click();
    await row(tab, "red").waitFor();
    assert.equal(await row(tab, "red").getByRole("cell").nth(1).textContent(), "2");
    await tab.page.getByRole("link", { name: "blue" }).click();
    await row(tab, "alice").waitFor();
    assert.equal(await row(tab, "bob").count(), 0);
    const cells = await row(tab, "alice").getByRole("cell").allTextContents();
    assert.deepEqual([cells[1], cells[2], cells[3], cells[5], cells[6], cells[8]], ["alice", "json, reliable", "connected", "2", "0", "0"]);
    await row(tab, "alice").getByRole("link").first().click();
    await tab.page.getByRole("heading", { name: alice.connectionId }).waitFor();
    await tab.see("json.reliable.webpubsub.azure.v1");
    await tab.see("may send to every group");
    await tab.page.getByRole("link", { name: "red" }).waitFor();
    await tab.close();
    await alice.close(1000);
    await bob.close(1000);
  });

  test("finds a user among many, and turns pages", async () => {
    const hub = server.hub("pages");
    const clients = await Promise.all(Array.from({ length: 53 }, (_, index) => RawClient.simple(server, hub, { userId: `user-${String(index).padStart(2, "0")}` })));
    const tab = await browser.open(server, `browse/${hub}/users`);
    await tab.see("50 users on this page");
    await tab.button("Next →").click();
    await tab.see("3 users on this page");
    assert.equal(await tab.button("Next →").isDisabled(), true);
    await tab.button("← Previous").click();
    await tab.see("50 users on this page");
    await tab.field("Search users").fill("SER-4");
    await tab.see("10 users on this page");
    await tab.field("Search users").fill("nobody");
    await tab.see(`No user of ${hub} has “nobody” in its name.`);
    await tab.close();
    await RawClient.closeAll(...clients);
  });

  test("sends to a connection, a group and everybody", async () => {
    const hub = server.hub("send");
    const client = await RawClient.json(server, hub, { userId: "alice", groups: ["room"] });
    const send = async (data, type) => {
      if (type) await tab.choose("Type of the data", type, dialog(tab));
      await tab.field("Data", dialog(tab)).fill(data);
      await confirm(tab, "Send");
    };
    const tab = await browser.open(server, `browse/${hub}/connections`);
    await tab.button("Send", row(tab, "alice")).click();
    await send("to you");
    assert.deepEqual(await data(client), ["server", "text", "to you"]);
    await tab.go(`browse/${hub}/groups`);
    await tab.button("Send", row(tab, "room")).click();
    await send('{"to": "the group"}', "JSON");
    assert.deepEqual(await data(client), ["group", "json", { to: "the group" }]);
    await tab.button("Send to everybody").click();
    await send("to all");
    assert.deepEqual(await data(client), ["server", "text", "to all"]);
    await tab.close();
    await client.close(1000);
  });

  async function data(client) {
    const { from, dataType, data } = await client.message();
    return [from, dataType, data];
  }

  test("refuses what is no JSON, and says what is wrong with a filter", async () => {
    const hub = server.hub("wrong");
    const client = await RawClient.json(server, hub, { userId: "alice" });
    const tab = await browser.open(server, `browse/${hub}/connections`);
    await tab.button("Send to everybody").click();
    await tab.choose("Type of the data", "JSON", dialog(tab));
    await tab.field("Data", dialog(tab)).fill("{");
    await tab.button("Send", dialog(tab)).click();
    await tab.see(/The data is no JSON/, dialog(tab));
    await tab.field("Data", dialog(tab)).fill("1");
    await tab.field("Filter", dialog(tab)).fill("userId nonsense");
    await tab.button("Send", dialog(tab)).click();
    await dialog(tab).getByRole("alert").filter({ hasText: /filter/i }).waitFor();
    await tab.close();
    await client.close(1000);
  });

  test("puts a connection into a group and takes it out again", async () => {
    const hub = server.hub("groups");
    const client = await RawClient.json(server, hub, { userId: "alice" });
    const tab = await browser.open(server, `browse/${hub}/connections/${client.connectionId}`);
    await tab.see("It is in no group.");
    await tab.button("Add to group").click();
    await tab.field("Group", dialog(tab)).fill("room");
    await confirm(tab, "Add to group");
    await tab.page.getByRole("link", { name: "room" }).waitFor();
    await tab.button("Remove", tab.page.getByRole("listitem").filter({ hasText: "room" })).click();
    await confirm(tab, "Remove from group");
    await tab.see("It is in no group.");
    await tab.close();
    await client.close(1000);
  });

  test("grants and revokes what a client may do", async () => {
    const hub = server.hub("rights");
    const client = await RawClient.json(server, hub, { userId: "alice", roles: [] });
    const tab = await browser.open(server, `browse/${hub}/connections/${client.connectionId}`);
    assert.equal((await client.join("room")).success, false);
    await tab.button("Grant").click();
    await tab.field("Permission", dialog(tab)).selectOption("joinLeaveGroup");
    await tab.field("Group", dialog(tab)).fill("room");
    await confirm(tab, "Grant");
    await tab.see("may join and leave group room");
    assert.equal((await client.join("room")).success, true);
    await tab.button("Revoke").click();
    await tab.field("Permission", dialog(tab)).selectOption("joinLeaveGroup");
    await tab.field("Group", dialog(tab)).fill("room");
    await confirm(tab, "Revoke");
    assert.equal((await client.leave("room")).success, false);
    await tab.close();
    await client.close(1000);
  });

  test("closes only after it was confirmed, with the reason that was given", async () => {
    const hub = server.hub("close");
    const client = await RawClient.json(server, hub, { userId: "alice" });
    const tab = await browser.open(server, `browse/${hub}/users`);
    await tab.button("Close", row(tab, "alice")).click();
    await tab.see(/Close 1 connection of user alice/, dialog(tab));
    await tab.button("Cancel", dialog(tab)).click();
    await dialog(tab).waitFor({ state: "detached" });
    await client.settled();
    assert.equal(client.ending, undefined);
    await tab.button("Close", row(tab, "alice")).click();
    await tab.field("Reason", dialog(tab)).fill("go home");
    await confirm(tab, "Close connections");
    assert.match((await client.disconnected()).message, /go home/);
    await client.closed();
    await tab.see("No users.");
    await tab.close();
  });

  test("says that a connection is gone", async () => {
    const hub = server.hub("gone");
    const client = await RawClient.json(server, hub, { userId: "alice" });
    const tab = await browser.open(server, `browse/${hub}/connections/${client.connectionId}`);
    await tab.see("alice");
    await client.close(1000);
    await tab.see(/What stands below is what was last known/);
    assert.equal(await tab.button("Close").count(), 0);
    await tab.close();
  });
});
