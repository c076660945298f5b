// The playground: client URLs, a client inside the page, and the same in code.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { until } from "./support/deadline.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

const FOLDER = fileURLToPath(new URL("../", import.meta.url));
const PROTOCOLS = ["json", "json-reliable", "protobuf", "protobuf-reliable"];
/** The first field of an Any is its type URL, the second its value. */
const ANY = Buffer.concat([Buffer.from([0x0a, 47]), Buffer.from("type.googleapis.com/google.protobuf.StringValue"), Buffer.from([0x12, 7, 0x0a, 5]), Buffer.from("hello")]).toString("base64");

withChromium("the playground", () => {
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

  async function open(hub) {
    const tab = await browser.open(server, "playground");
    await tab.field("Hub").fill(hub);
    return tab;
  }

  async function connect(tab, protocol) {
    await tab.field("Protocol").selectOption(protocol);
    await tab.button("Connect").click();
    await tab.see(/^Connected for/);
  }

  const frame = (tab, way, text) => tab.page.locator(`.frame.${way}`, { hasText: text });

  test("makes a URL for a user, with roles, groups and an end, and copies it", async () => {
    const hub = server.hub("url");
    const tab = await open(hub);
    await tab.allow("clipboard-read", "clipboard-write");
    await tab.field("User").fill("carol");
    await tab.field("send").uncheck();
    await tab.field("More roles").fill("webpubsub.sendToGroup.red");
    await tab.field("In groups from the start").fill("red blue");
    await tab.field("Good for, minutes").fill("5");
    await tab.button("Make a client URL").click();
    await tab.see(/good for \d min/);
    await tab.button("Copy URL").click();
    await tab.see("Copied");
    const url = await tab.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(url, await tab.page.locator("code.url").textContent());
    const client = await RawClient.connect(url, { protocols: ["json.webpubsub.azure.v1"] });
    assert.equal((await client.connected()).userId, "carol");
    assert.equal((await client.publish("red", "x")).success, true);
    assert.equal((await client.publish("blue", "x")).success, false);
    await new Hub(server, hub).sendText("/groups/blue", "member of blue");
    assert.equal((await client.message(({ group }) => group === "blue")).data, "member of blue");
    await tab.close();
    await client.close(1000);
  });

  for (const protocol of PROTOCOLS) {
    test(`has a client that joins, and sends and sees every type of data: ${protocol}`, async () => {
      const hub = server.hub("client");
      const observer = await RawClient.json(server, hub, { groups: ["room"] });
      const tab = await open(hub);
      await connect(tab, protocol);
      await frame(tab, "in", '"event":"connected"').waitFor();
      await tab.button("Join").click();
      await frame(tab, "out", "joinGroup").waitFor();
      await frame(tab, "in", '"success":true').waitFor();
      const seen = async () => {
        await tab.button("Send").click();
        const { dataType, data } = await observer.message();
        return [dataType, data];
      };
      assert.deepEqual(await seen(), ["text", "hello"]);
      await tab.choose("Type of the data", "JSON");
      assert.deepEqual(await seen(), ["json", { hello: "world" }]);
      await tab.choose("Type of the data", "binary");
      assert.deepEqual(await seen(), ["binary", "aGVsbG8="]);
      await tab.choose("Type of the data", "protobuf");
      assert.deepEqual(await seen(), ["protobuf", ANY]);
      // It is a member itself, and sees what it sent come back.
      await frame(tab, "in", '"type":"message"').nth(3).waitFor();
      await tab.button("Ping").click();
      await frame(tab, "in", "pong").waitFor();
      await tab.button("Disconnect").click();
      await tab.see(/Closed with 1000/);
      await tab.close();
      await observer.close(1000);
    });
  }

  test("sends any frame that was written by hand", async () => {
    const hub = server.hub("frame");
    const tab = await open(hub);
    await connect(tab, "json");
    await tab.choose("Where to", "a frame");
    await tab.field("Frame, as it goes over the wire").fill('{"type":"joinGroup","group":"by hand","ackId":77}');
    await tab.button("Send").click();
    await frame(tab, "in", '"ackId":77,"success":true').waitFor();
    await tab.close();
  });

  test("has a simple client, and shows what a group sends it", async () => {
    const hub = server.hub("simple");
    const tab = await open(hub);
    await tab.field("In groups from the start").fill("room");
    await connect(tab, "simple");
    await new Hub(server, hub).sendText("/groups/room", "bare text");
    await frame(tab, "in", "bare text").waitFor();
    await tab.close();
  });

  test("breaks off and recovers a reliable session", async () => {
    const hub = server.hub("recover");
    const tab = await open(hub);
    await tab.field("In groups from the start").fill("room");
    await connect(tab, "json-reliable");
    await frame(tab, "in", '"event":"connected"').waitFor();
    await tab.button("Break off").click();
    await tab.see(/Closed with 4000/);
    await new Hub(server, hub).sendText("/groups/room", "while it was away");
    await tab.button("Recover the session").click();
    await frame(tab, "in", "while it was away").waitFor();
    await frame(tab, "out", "sequenceAck").waitFor();
    await tab.close();
  });

  test("says what a refused request was refused for", async () => {
    const hub = server.hub("refused");
    const tab = await open(hub);
    await tab.field("join and leave").uncheck();
    await connect(tab, "json");
    await tab.button("Join").click();
    const refusal = frame(tab, "in", "Forbidden");
    await refusal.waitFor();
    assert.match(await refusal.getAttribute("class"), /warning/);
    await tab.close();
  });

  test("gives code in five languages for both sides", async () => {
    const hub = server.hub("code");
    const tab = await open(hub);
    await tab.button("Make a client URL").click();
    const url = await tab.page.locator("code.url").textContent();
    for (const language of ["JavaScript", "Python", "C#", "Java", "Rust"]) {
      await tab.choose("Language", language);
      await tab.choose("Which side", "Client");
      const client = await tab.page.locator("pre.sample").textContent();
      assert.ok(client.includes(url), language);
      await tab.choose("Which side", "Application");
      const application = await tab.page.locator("pre.sample").textContent();
      for (const part of [hub, "alice", "webpubsub.joinLeaveGroup", `Endpoint=${server.endpoint}`, server.accessKey]) assert.ok(application.includes(part), `${language}: ${part}`);
    }
    await tab.close();
  });

  test("gives JavaScript that runs as it stands", async () => {
    const hub = server.hub("runs");
    const observer = await RawClient.json(server, hub, { groups: ["room"] });
    const tab = await open(hub);
    await tab.button("Make a client URL").click();
    await tab.page.locator("code.url").waitFor();
    const client = run(await tab.page.locator("pre.sample").textContent());
    assert.deepEqual(await hello(observer), ["alice", "hello"]);
    await until(() => client.output.includes("room: hello"), () => `the client's own message; it wrote: ${client.output}`);
    client.child.kill();
    await tab.choose("Which side", "Application");
    const application = run(await tab.page.locator("pre.sample").textContent());
    assert.deepEqual(await hello(observer), [null, "hello"]);
    await until(() => application.output.includes("access_token="), () => `a client URL; it wrote: ${application.output}`);
    await tab.close();
    await observer.close(1000);
  });

  async function hello(observer) {
    const { fromUserId, data } = await observer.message();
    return [fromUserId ?? null, data];
  }

  function run(code) {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { cwd: FOLDER, stdio: ["ignore", "pipe", "pipe"] });
    process.on("exit", () => child.kill());
    const program = { child, output: "" };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (program.output += part));
    return program;
  }
});
