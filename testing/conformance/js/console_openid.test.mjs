// Signing in to the console at an OpenID Connect issuer: in a real browser, at a real provider, and with forged ways back.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { OPERATOR_TOKEN } from "./support/console.mjs";
import { until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { CLIENT, Issuer } from "./support/issuer.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { isCluster, ofOneProcess } from "./support/server.mjs";
import { CALLBACK, START, ask, cookiesOf, openidTables, sessionOf, through } from "./support/sign_in.mjs";

function startWith(issuer, ...more) {
  return startConfigured(openidTables(issuer, ...more), { env: { CLIENT_SECRET: CLIENT.secret } });
}

withChromium("somebody who signs in to the console elsewhere", () => {
  let browser, issuer, server;
  before(async () => {
    browser = await Browser.start();
    issuer = await Issuer.start();
    issuer.groups = { ada: ["ops", "others"], mallory: ["others"] };
    server = await startWith(issuer);
    issuer.register(server.endpoint);
  });
  after(async () => {
    await browser.stop();
    await Promise.all([server.stop(), issuer.stop()]);
  });

  /** A tab in front of the sign-in, which may leave for the issuer. */
  async function open(person) {
    issuer.person = person;
    const tab = await browser.open(server, "trace", { allowed: [new URL(issuer.url).host] });
    await tab.page.getByRole("link", { name: "Sign in with Example ID" }).waitFor();
    return tab;
  }
  const leave = (tab) => tab.page.getByRole("link", { name: "Sign in with Example ID" }).click();
  const session = (tab) => tab.page.evaluate(async () => (await fetch("api/session")).json());

  test("is an operator by a group of theirs, may act, and signs out", async () => {
    const client = await RawClient.json(server, "chat");
    const tab = await open("ada");
    await leave(tab);
    await tab.page.getByRole("heading", { name: "Live trace" }).waitFor({ state: "attached" });
    await tab.see("operator · ada");
    assert.deepEqual(await session(tab), { role: "operator", how: "openid", name: "ada", header: "X-Hubwire-Console" });
    const [cookie] = (await tab.page.context().cookies()).filter((one) => one.name === "hubwire_console");
    assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/console/"]);
    const acted = await tab.page.evaluate(async () => (await fetch("api/hubs/chat/actions", { method: "POST", headers: { "X-Hubwire-Console": "1" }, body: JSON.stringify({ action: "send", all: true, dataType: "text", data: "hello" }) })).status);
    assert.equal(acted, 200);
    assert.equal((await client.message()).data, "hello");
    assert.match(server.output.stderr, /an operator acts.*ada/);
    await tab.page.reload();
    await tab.see("operator · ada");
    await tab.button("Sign out").click();
    await tab.page.getByRole("link", { name: "Sign in with Example ID" }).waitFor();
    assert.equal((await session(tab)).error.code, "signInRequired");
    const replayed = await ask(server, "/console/api/session", { headers: { Cookie: `hubwire_console=${cookie.value}` } });
    assert.equal(replayed.status, 401, "the cookie of before is worth nothing");
    await tab.close();
    await client.close(1000);
  });

  test("is a viewer by their name, and may not act", async () => {
    const tab = await open("eve");
    issuer.groups.eve = ["eve"];
    await leave(tab);
    await tab.see("viewer · eve");
    const refused = await tab.page.evaluate(async () => (await fetch("api/hubs/chat/actions", { method: "POST", headers: { "X-Hubwire-Console": "1" }, body: '{"action":"close","all":true}' })).json());
    assert.equal(refused.error.code, "viewerOnly");
    await tab.close();
  });

  test("is told in words that the settings list them nowhere", async () => {
    const tab = await open("mallory");
    await leave(tab);
    await tab.see("mallory has signed in, but is listed nowhere: settings console.openid.operators and console.openid.viewers.");
    assert.equal((await session(tab)).error.code, "signInRequired");
    await tab.close();
  });

  test("is told in words what the issuer says, if it lets nobody in", async () => {
    const tab = await open(undefined);
    await leave(tab);
    await tab.see("Signing in failed: access_denied: The person would not.");
    await tab.close();
  });

  test("is told in words that the issuer is away, and a token opens the console all the same", async () => {
    const other = await Issuer.start();
    other.away = true;
    const alone = await startWith(other);
    const tab = await browser.open(alone, "trace");
    await tab.page.getByRole("link", { name: "Sign in with Example ID" }).click();
    await tab.see(/Signing in failed: the keys of the issuer cannot be had/);
    await tab.field("Console token").fill(OPERATOR_TOKEN);
    await tab.button("Sign in").click();
    await tab.page.getByRole("heading", { name: "Live trace" }).waitFor({ state: "attached" });
    await tab.close();
    await Promise.all([alone.stop(), other.stop()]);
  });

  ofOneProcess(test)("is out as soon as the settings list them no more", async () => {
    const tab = await open("ada");
    await leave(tab);
    await tab.see("operator · ada");
    writeFileSync(server.file, openidTables(issuer, undefined, ["others-only"]));
    await until(async () => (await session(tab)).error?.code === "signInRequired", "the session to end");
    writeFileSync(server.file, openidTables(issuer));
    await until(async () => (await session(tab)).role === "operator", "the settings of before");
    await tab.close();
  });

  test("who opens the page under another name is sent to where the issuer sends people back to", async () => {
    issuer.person = "ada";
    const tab = await browser.open({ ...server, host: `localhost:${server.port}` }, "trace");
    await tab.page.getByRole("link", { name: `${server.endpoint}/console/` }).waitFor();
    await tab.close();
  });
});

describe("the way back from an issuer", () => {
  let issuer, server, begun;
  before(async () => {
    issuer = await Issuer.start();
    issuer.groups = { ada: ["ops"] };
    server = await startWith(issuer);
    issuer.register(server.endpoint);
  });
  after(() => Promise.all([server.stop(), issuer.stop()]));
  beforeEach(async () => {
    issuer.person = "ada";
    begun = await ask(server, START);
  });

  /** Why the browser with these cookies was not let in. */
  const refusal = async (cookies) => JSON.parse((await ask(server, "/console/api/sign-in", { headers: { Cookie: cookies.join("; ") } })).text).refusal;

  test("asks for a code with PKCE, a state and a nonce, and holds no secret", async () => {
    assert.equal(begun.status, 303);
    const place = new URL(begun.headers.location);
    const given = Object.fromEntries(place.searchParams);
    assert.deepEqual([given.response_type, given.client_id, given.scope, given.code_challenge_method], ["code", CLIENT.id, "openid profile groups", "S256"]);
    assert.equal(given.redirect_uri, `${server.endpoint}${CALLBACK}`);
    for (const name of ["state", "nonce", "code_challenge"]) assert.match(given[name], /^[\w-]{43}$/);
    assert.equal(new Set([given.state, given.nonce, given.code_challenge]).size, 3);
    assert.ok(!begun.headers.location.includes(CLIENT.secret));
    assert.match(begun.headers["set-cookie"][0], /^hubwire_console_sign_in=[\w-]{100,}; Path=\/console\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  });

  test("lets the browser in that left, once", async () => {
    const cookies = cookiesOf(begun);
    const back = await through(begun.headers.location, server.endpoint);
    const elsewhere = { "Sec-Fetch-Site": "cross-site", Cookie: cookies.join("; ") };
    const admitted = await ask(server, back, { headers: elsewhere });
    assert.deepEqual([admitted.status, admitted.headers.location], [303, "/console/"]);
    const known = await ask(server, "/console/api/session", { headers: { Cookie: sessionOf(admitted) } });
    assert.deepEqual(JSON.parse(known.text), { role: "operator", how: "openid", name: "ada", header: "X-Hubwire-Console" });
    assert.ok(issuer.exchanges.at(-1).headers.authorization.startsWith("Basic "));
    const again = await ask(server, back, { headers: elsewhere });
    assert.equal(sessionOf(again), undefined);
    // A node knows what has come back to it; at another one the issuer does not take the code again.
    assert.match(await refusal(cookiesOf(again)), isCluster ? /not begun here, or is over|invalid_grant/ : /not begun here, or is over/);
  });

  test("lets in no other browser, and none with another state, code or issuer", async () => {
    const back = await through(begun.headers.location, server.endpoint);
    const stranger = await ask(server, START);
    const forged = (name, value) => {
      const url = new URL(back, server.endpoint);
      url.searchParams.set(name, value);
      return url.pathname + url.search;
    };
    for (const [path, cookies, words] of [
      [back, [], /not begun here/],
      [back, cookiesOf(stranger), /not begun here/],
      [forged("state", "x".repeat(43)), cookiesOf(await ask(server, START)), /not begun here/],
      [forged("iss", "https://other.example"), cookiesOf(begun), /the answer is of another issuer/],
    ]) {
      const refused = await ask(server, path, { headers: { Cookie: cookies.join("; ") } });
      assert.equal(sessionOf(refused), undefined, path);
      assert.match(await refusal(cookiesOf(refused)), words);
    }
    const other = await ask(server, START);
    const { searchParams } = new URL(other.headers.location);
    const code = `${CALLBACK}?code=made-up&state=${searchParams.get("state")}`;
    const refused = await ask(server, code, { headers: { Cookie: cookiesOf(other).join("; ") } });
    assert.match(await refusal(cookiesOf(refused)), /Signing in failed: the issuer gives no token: invalid_grant/);
  });

  test("cannot be begun by a page of another site", async () => {
    const refused = await ask(server, START, { headers: { "Sec-Fetch-Site": "cross-site" } });
    assert.deepEqual([refused.status, JSON.parse(refused.text).error.code], [403, "crossSite"]);
  });

  test("shows no code, token or secret in the log", async () => {
    const back = await through(begun.headers.location, server.endpoint);
    await ask(server, back, { headers: { Cookie: cookiesOf(begun).join("; ") } });
    await until(() => server.output.stderr.includes("somebody has signed in to the console"), "the log of the sign-in");
    for (const secret of [CLIENT.secret, new URL(back, server.endpoint).searchParams.get("code"), "eyJ"]) assert.ok(!server.output.stderr.includes(secret));
  });
});

describe("settings of the console's sign-in", () => {
  test("a public client has no secret, and PKCE protects it", async () => {
    const issuer = await Issuer.start();
    issuer.person = "ada";
    const server = await startWith(issuer, "");
    issuer.register(server.endpoint, { secret: null });
    const begun = await ask(server, START);
    const { searchParams } = new URL(begun.headers.location);
    const refused = await ask(server, `${CALLBACK}?code=made-up&state=${searchParams.get("state")}`, { headers: { Cookie: cookiesOf(begun).join("; ") } });
    const shown = await ask(server, "/console/api/sign-in", { headers: { Cookie: cookiesOf(refused).join("; ") } });
    assert.match(JSON.parse(shown.text).refusal, /invalid_grant/, "the issuer knows the client, and refuses its code only");
    await Promise.all([server.stop(), issuer.stop()]);
  });

  test("that are wrong stop the start with a sentence", async () => {
    for (const [table, sentence] of [
      ['issuer = "example.com"\nclient_id = "x"\noperators = ["a"]', /setting `console\.openid\.issuer`: it is not an http/],
      ['issuer = "https://example.com"\nclient_id = "x"', /nobody would be let in/],
      ['issuer = "https://example.com"\nclient_id = ""\noperators = ["a"]', /setting `console\.openid\.client_id`: it is empty/],
    ]) {
      await assert.rejects(startConfigured(`[console.openid]\n${table}\n`), sentence);
    }
  });
});
