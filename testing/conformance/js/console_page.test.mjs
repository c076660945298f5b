// The console as a whole: who gets in, what the browser is told to refuse, keyboard, colours, narrow screens.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { OPERATOR_TOKEN, VIEWER_TOKEN, startWithTokens } from "./support/console.mjs";
import { Proxy } from "./support/proxy.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { startServer } from "./support/server.mjs";

const PAGES = ["trace", "why", "browse", "playground", "plots"];
const HEADINGS = { trace: "Live trace", why: "Why did it not arrive?", browse: "Hubs", playground: "Playground", plots: "The last hour" };

withChromium("the console", () => {
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

  const heading = (tab, name) => tab.page.getByRole("heading", { name: HEADINGS[name], exact: true }).waitFor({ state: "attached" });

  test("asks no other host, and breaks no rule of its content security policy", async () => {
    const tab = await browser.open(server);
    const policy = tab.response.headers()["content-security-policy"];
    for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) assert.ok(policy.includes(rule), policy);
    assert.doesNotMatch(policy, /unsafe/);
    for (const name of PAGES) {
      await tab.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: new RegExp(`^${name}$`, "i") }).click();
      await heading(tab, name);
    }
    await tab.close();
  });

  test("lets the keyboard go everywhere, and shows where it is", async () => {
    const tab = await browser.open(server, "trace");
    await heading(tab, "trace");
    const focused = () => tab.page.evaluate(() => ({ text: document.activeElement.textContent.trim(), outline: getComputedStyle(document.activeElement).outlineStyle }));
    await tab.page.keyboard.press("Tab");
    assert.deepEqual(await focused(), { text: "To the content", outline: "solid" });
    for (const text of ["hubwire", "Trace", "Why"]) {
      await tab.page.keyboard.press("Tab");
      assert.deepEqual(await focused(), { text, outline: "solid" });
    }
    await tab.page.keyboard.press("Enter");
    await heading(tab, "why");
    assert.equal(await tab.page.title(), "Why · Hubwire console");
    await tab.close();
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`fits a phone of 360 pixels, ${colorScheme}`, async () => {
      const hub = server.hub("narrow");
      const client = await RawClient.json(server, hub, { userId: "a-user-with-a-rather-long-name@example.com", groups: ["a-group-with-a-rather-long-name-that-has-no-blank-in-it"] });
      const tab = await browser.open(server, "trace", { viewport: { width: 360, height: 740 }, colorScheme });
      const views = [
        ["trace", ".trace-row"],
        [`why?hub=${hub}`, ".why-answer .empty"],
        ["browse", ".data"],
        [`browse/${hub}/connections`, `a[title="${client.connectionId}"]`],
        [`browse/${hub}/groups`, ".data .acts"],
        [`browse/${hub}/connections/${client.connectionId}`, ".cards"],
        ["playground", ".frames"],
        ["plots", ".plots"],
      ];
      for (const [route, shown] of views) {
        await tab.go(route);
        await tab.page.locator(shown).first().waitFor();
        const surplus = await tab.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(surplus <= 0, `${route} is ${surplus} pixels too wide`);
      }
      await tab.close();
      await client.close(1000);
    });
  }

  test("is light or dark as the system is, until somebody chooses, and remembers that", async () => {
    const ground = (tab) => tab.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await browser.open(server, "plots", { colorScheme: "light" });
    const dark = await browser.open(server, "plots", { colorScheme: "dark" });
    await Promise.all([heading(light, "plots"), heading(dark, "plots")]);
    const [lightGround, darkGround] = [await ground(light), await ground(dark)];
    assert.notEqual(lightGround, darkGround);
    const theme = (tab, name) => tab.page.getByRole("button", { name: `Colours: ${name}. Change.` });
    await theme(dark, "Auto").click();
    await theme(dark, "Light").waitFor();
    assert.equal(await ground(dark), lightGround);
    await dark.page.reload();
    await theme(dark, "Light").waitFor();
    assert.equal(await ground(dark), lightGround);
    await light.close();
    await dark.close();
  });

  test("says so when nobody answers, and goes on by itself when somebody does", async () => {
    const proxy = await Proxy.before(server);
    const tab = await browser.open(server.through(proxy.port), "browse");
    await heading(tab, "browse");
    proxy.refuse();
    proxy.cut();
    await tab.see(/Nobody answers at/);
    await tab.see("no answer");
    proxy.admit();
    await tab.page.getByText(/Nobody answers at/).waitFor({ state: "detached" });
    await tab.close();
    await proxy.stop();
  });

  test("names a page that there is not", async () => {
    const tab = await browser.open(server, "nowhere");
    await tab.see(/There is no page/);
    await tab.close();
  });
});

withChromium("a console with tokens", () => {
  let server;
  let browser;
  before(async () => {
    server = await startWithTokens();
    browser = await Browser.start();
  });
  after(async () => {
    await browser.stop();
    await server.stop();
  });

  async function signIn(tab, token) {
    await tab.field("Console token").fill(token);
    await tab.button("Sign in").click();
  }

  test("refuses a wrong token in words, lets the right one in, and out again", async () => {
    const tab = await browser.open(server, "browse");
    await signIn(tab, "nonsense");
    await tab.page.getByRole("alert").waitFor();
    assert.notEqual(await tab.page.getByRole("alert").textContent(), "");
    await signIn(tab, OPERATOR_TOKEN);
    await tab.page.getByRole("heading", { name: "Hubs" }).waitFor();
    await tab.page.reload();
    await tab.button("Sign out").click();
    await tab.field("Console token").waitFor();
    await tab.page.reload();
    await tab.field("Console token").waitFor();
    await tab.close();
  });

  test("does not open for access keys", async () => {
    const tab = await browser.open(server, "browse");
    await signIn(tab, server.accessKey);
    await tab.page.getByRole("alert").waitFor();
    await tab.close();
  });

  test("gives viewers nothing to act with", async () => {
    const hub = server.hub("viewer");
    const client = await RawClient.json(server, hub, { userId: "u" });
    const tab = await browser.open(server, `browse/${hub}/connections`);
    await signIn(tab, VIEWER_TOKEN);
    await tab.page.getByRole("row", { name: /u/ }).first().waitFor();
    assert.equal(await tab.button("Close").count(), 0);
    assert.equal(await tab.button("Close all").count(), 0);
    await tab.go("playground");
    await tab.see("Viewers may look, and not make client URLs.");
    assert.equal(await tab.button("Make a client URL").isDisabled(), true);
    await tab.close();
    await client.close(1000);
  });
});

withChromium("a console without a token, outside of development mode", () => {
  test("is closed, and says how it opens", async () => {
    const server = await startServer({ args: ["--access-key", "a-key-that-is-not-the-development-key-0123456789"] });
    const browser = await Browser.start();
    const tab = await browser.open(server);
    await tab.page.getByRole("heading", { name: "The console is closed" }).waitFor();
    await tab.see(/operator_token/);
    await tab.close();
    await browser.stop();
    await server.stop();
  });
});
