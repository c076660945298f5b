// "Why did it not arrive?" in the page: a message, somebody who should have got it, and the rule that decided.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { until } from "./support/deadline.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

withChromium("why a message did not arrive", () => {
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

  /** The page with a hub of its own in which decisions are recorded, and clients of these users. */
  async function scene(...users) {
    const name = server.hub("why");
    const clients = await Promise.all(users.map((userId) => RawClient.json(server, name, { userId })));
    const tab = await browser.open(server, `why?hub=${name}`);
    await record(tab);
    return { name, hub: new Hub(server, name), clients, tab };
  }

  /** Recording outlasts one test, so that the page may already find it on. */
  async function record(tab) {
    const off = tab.button("Record for ten minutes");
    const on = tab.page.getByText(/Decisions are/);
    await off.or(on).first().waitFor();
    if (await off.isVisible()) await off.click();
    await on.waitFor();
  }

  const message = (tab, text) => tab.page.getByRole("region", { name: "Recorded messages" }).getByRole("button").filter({ hasText: text });
  const answer = (tab, rule) => tab.page.locator(`.answer[data-rule=${rule}]`);

  test("is told for each member of the group that it was for", async () => {
    const { hub, clients, tab } = await scene("alice", "bob");
    const [alice, bob] = clients;
    await alice.join("room");
    await bob.join("room");
    await hub.sendText("/groups/room", "not for bob", { filter: "userId ne 'bob'" });
    await alice.message();
    await message(tab, "not for bob").click();
    const left = answer(tab, "filtered");
    await left.waitFor();
    assert.match(await left.textContent(), /bob/);
    assert.equal(await left.getByRole("img", { name: "did not arrive" }).count(), 1);
    assert.deepEqual(await left.locator(".values tr").allTextContents(), ["userId'bob'"]);
    const got = answer(tab, "written");
    assert.match(await got.textContent(), /alice/);
    assert.equal(await got.getByRole("img", { name: "sent", exact: true }).count(), 1);
    await tab.close();
    await RawClient.closeAll(alice, bob);
  });

  test("tells of a reliable client whether it has acknowledged", async () => {
    const { name, hub, tab } = await scene();
    const client = await RawClient.reliable(server, name, { userId: "alice" });
    await hub.sendText("/users/alice", "please sign");
    const { sequenceId } = await client.message();
    await message(tab, "please sign").click();
    await answer(tab, "unacknowledged").waitFor();
    client.send({ type: "sequenceAck", sequenceId });
    await client.settled();
    await tab.button("Ask again").click();
    const signed = answer(tab, "acknowledged");
    await signed.waitFor();
    assert.equal(await signed.getByRole("img", { name: "arrived", exact: true }).count(), 1);
    await tab.close();
    await client.close(1000);
  });

  test("is told for a connection that was not in the group", async () => {
    const { hub, clients, tab } = await scene("alice", "bob");
    const [alice, bob] = clients;
    await alice.join("room");
    await bob.join("room");
    await bob.leave("room");
    await hub.sendText("/groups/room", "who is in");
    await alice.message();
    await message(tab, "who is in").click();
    await answer(tab, "written").waitFor();
    await tab.choose("Who should have got it", "Connection");
    await tab.field("Which connection").fill(bob.connectionId);
    const missed = answer(tab, "notInGroup");
    await missed.waitFor();
    await tab.see("left at", missed);
    assert.match(tab.page.url(), new RegExp(`connection=${bob.connectionId}`));
    await tab.close();
    await RawClient.closeAll(alice, bob);
  });

  test("is told for a user, by what was in the message, without choosing one", async () => {
    const { hub, clients, tab } = await scene("alice", "bob");
    const [alice, bob] = clients;
    await hub.sendText("/users/alice", "for alice alone");
    await alice.message();
    await tab.field("Payload contains").fill("alice alone");
    await tab.choose("Who should have got it", "User");
    await tab.field("Which user").fill("bob");
    await answer(tab, "otherUser").waitFor();
    await tab.close();
    await RawClient.closeAll(alice, bob);
  });

  test("is told when the publisher was refused, and when nothing was ever published", async () => {
    const { name, clients, tab } = await scene("alice");
    const [alice] = clients;
    const mute = await RawClient.json(server, name, { userId: "mute", roles: [] });
    assert.equal((await mute.publish("room", "never heard")).success, false);
    await tab.field("Sent to group").fill("room");
    await tab.choose("Who should have got it", "User");
    await tab.field("Which user").fill("alice");
    await answer(tab, "noPermission").waitFor();
    await tab.field("Sent to group").fill("another");
    await answer(tab, "neverPublished").waitFor();
    await tab.close();
    await RawClient.closeAll(alice, mute);
  });

  test("sorts those who missed it before those who got it, and those who were gone last", async () => {
    const { hub, clients, tab } = await scene("alice", "bob", "carol", "dave");
    const dave = clients.pop();
    for (const client of [...clients, dave]) await client.join("room");
    await dave.close(1000);
    await until(async () => !(await hub.exists("/users/dave")), "the end of dave");
    await hub.sendText("/groups/room", "only carol", { filter: "userId eq 'carol'" });
    await message(tab, "only carol").click();
    await answer(tab, "written").waitFor();
    assert.deepEqual(await tab.page.locator(".answer").evaluateAll((rows) => rows.map((one) => one.dataset.rule)), ["filtered", "filtered", "written", "connectionEnded"]);
    await tab.see("3 connections: 2 did not get it");
    await tab.see("1 other not connected then");
    assert.equal(await answer(tab, "connectionEnded").getByRole("img", { name: "was not connected" }).count(), 1);
    await tab.close();
    await RawClient.closeAll(...clients);
  });
});
