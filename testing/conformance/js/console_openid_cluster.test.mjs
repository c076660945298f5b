// Signing in to the console of a cluster: begun at one node, ended at another, good at all, and over at all.
import assert from "node:assert/strict";
import { createCipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { OPERATOR_TOKEN } from "./support/console.mjs";
import { until } from "./support/deadline.mjs";
import { startConfigured } from "./support/handler.mjs";
import { CLIENT, Issuer } from "./support/issuer.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";
import { CALLBACK, START, ask, cookiesOf, openidTables, sessionOf, through } from "./support/sign_in.mjs";

// The nodes are single processes, also where HUBWIRE_BIN names a whole cluster.
const binary = process.env.HUBWIRE_NODE_BIN ?? binaryPath();
/** What people know the cluster by. Nobody listens there: a test decides itself which node a request comes to. */
const HOST = "127.0.0.1:9";
const ENDPOINT = `http://${HOST}`;
const KEYS = ["a".repeat(44), "b".repeat(44)];
/** Long enough for a node that stands still to be still known. */
const LEASE_MS = 30_000;
const SESSION = "/console/api/session";

let nats, issuer, nodes;
before(async () => {
  nats = await Nats.start();
  issuer = await Issuer.start();
  issuer.person = "ada";
  issuer.groups = { ada: ["ops"] };
  issuer.register(ENDPOINT);
});
after(() => Promise.all([nats.stop(), issuer.stop()]));

const settings = ({ keys = KEYS[0], cluster = "", openid } = {}) => {
  const [primary, secondary] = [keys].flat();
  const second = secondary ? `secondary_access_key = "${secondary}"\n` : "";
  return `endpoint = "${ENDPOINT}"\naccess_key = "${primary}"\n${second}[cluster]\nnats = ["${nats.url}"]\n${cluster}[limits]\ncluster_lease_ms = ${LEASE_MS}\n${openidTables(issuer, openid)}`;
};
async function start(given) {
  const node = await startConfigured(settings(given), { binary, args: ["--workers", "2"], env: { CLIENT_SECRET: CLIENT.secret } });
  node.port = Number(/Listening on +127\.0\.0\.1:(\d+)/.exec(node.output.stdout)[1]);
  return node;
}
const startNodes = (count, given) => Promise.all(Array.from({ length: count }, () => start(given)));
const at = (node, path, cookie, options = {}) => ask({ port: node.port, host: HOST }, path, { ...options, headers: { ...(cookie && { Cookie: cookie }), ...options.headers } });
const statusAt = async (node, cookie) => (await at(node, SESSION, cookie)).status;
const statusAtAll = (cookie) => Promise.all(nodes.map((node) => statusAt(node, cookie)));

/** Signs in at the issuer: away from one node, and back to another. */
async function signIn(from, to) {
  const begun = await at(from, START);
  const back = await through(begun.headers.location, ENDPOINT);
  const admitted = await at(to, back, cookiesOf(begun).join("; "));
  return { begun, back, admitted, session: sessionOf(admitted) };
}

/** Signs in with a token. */
const showToken = async (node) => sessionOf(await at(node, SESSION, undefined, { method: "POST", body: JSON.stringify({ token: OPERATOR_TOKEN }) }));
const signOut = (node, cookie) => at(node, SESSION, cookie, { method: "DELETE" });

withNats("somebody who signs in to the console of a cluster", () => {
  beforeEach(async () => {
    nodes = await startNodes(3);
  });
  afterEach(() => Promise.all(nodes.map((node) => node.alive && node.stop())));

  test("begins at one node, ends at another, acts at a third, signs out at the first, and is out at all", async () => {
    const [first, second, third] = nodes;
    const { begun, back, admitted, session } = await signIn(first, second);
    assert.deepEqual([admitted.status, admitted.headers.location], [303, "/console/"]);
    for (const node of nodes) assert.deepEqual(JSON.parse((await at(node, SESSION, session)).text), { role: "operator", how: "openid", name: "ada", header: "X-Hubwire-Console" });
    const client = await RawClient.json(first.through(first.port), "chat");
    const acted = await at(third, "/console/api/hubs/chat/actions", session, { method: "POST", body: JSON.stringify({ action: "send", all: true, dataType: "text", data: "hello" }) });
    assert.equal(acted.status, 200, acted.text);
    assert.equal((await client.message()).data, "hello");
    assert.equal((await signOut(first, session)).status, 204);
    assert.deepEqual(await statusAtAll(session), [401, 401, 401]);
    const again = await at(third, back, cookiesOf(begun).join("; "));
    assert.equal(sessionOf(again), undefined, "nobody comes back twice, to whatever node");
    await client.close(1000);
  });

  test("is told at any node why it came to nothing", async () => {
    const begun = await at(nodes[0], START);
    const { searchParams } = new URL(begun.headers.location);
    const refused = await at(nodes[1], `${CALLBACK}?code=made-up&state=${searchParams.get("state")}`, cookiesOf(begun).join("; "));
    const shown = await at(nodes[2], "/console/api/sign-in", cookiesOf(refused).join("; "));
    assert.match(JSON.parse(shown.text).refusal, /Signing in failed: the issuer gives no token: invalid_grant/);
  });

  test("with a token is known to all nodes, and out at all after signing out at one", async () => {
    const [session, other] = [await showToken(nodes[0]), await showToken(nodes[1])];
    assert.deepEqual(await statusAtAll(session), [200, 200, 200]);
    await signOut(nodes[2], session);
    assert.deepEqual(await statusAtAll(session), [401, 401, 401]);
    assert.deepEqual(await statusAtAll(other), [200, 200, 200], "whoever else has signed in stays");
  });

  test("is known to a node that was started anew, and who has signed out is not", async () => {
    const [{ session }, out] = [await signIn(nodes[0], nodes[1]), await showToken(nodes[0])];
    await signOut(nodes[0], out);
    await nodes[2].stop();
    nodes[2] = await start();
    assert.deepEqual([await statusAt(nodes[2], out), await statusAt(nodes[2], session)], [401, 200]);
    // What the new one knows, it knows for good: the others may go.
    await Promise.all(nodes.slice(0, 2).map((node) => node.stop()));
    nodes = [nodes[2], await start()];
    assert.deepEqual([await statusAtAll(out), await statusAtAll(session)], [[401, 401], [200, 200]]);
  });

  test("is out after all nodes have ended, since nobody knows any more who had signed out", async () => {
    const [{ session }, out] = [await signIn(nodes[0], nodes[1]), await showToken(nodes[0])];
    await signOut(nodes[0], out);
    await Promise.all(nodes.map((node) => node.stop()));
    nodes = await startNodes(2);
    assert.deepEqual([await statusAtAll(out), await statusAtAll(session)], [[401, 401], [401, 401]]);
    await until(async () => {
      const { session: anew } = await signIn(nodes[0], nodes[1]);
      return (await statusAtAll(anew)).every((status) => status === 200);
    }, "people to be let in again");
  });

  test("and out again while a node did not answer is out there as soon as it answers", async () => {
    const { session } = await signIn(nodes[0], nodes[1]);
    nodes[2].pause();
    assert.equal((await signOut(nodes[0], session)).status, 204);
    assert.deepEqual([await statusAt(nodes[0], session), await statusAt(nodes[1], session)], [401, 401]);
    nodes[2].resume();
    await until(async () => (await statusAt(nodes[2], session)) === 401, "the node to have learnt it", 25_000);
  });

  test("stays signed in while the access key is changed for another, and until the old one is taken away", async () => {
    const { session } = await signIn(nodes[0], nodes[1]);
    const begun = await at(nodes[0], START);
    const put = async (keys) => {
      for (const node of nodes) writeFileSync(node.file, settings({ keys }));
      // A call that the newest key signs is taken when the settings are in force.
      const works = (node) => new Hub({ ...node.through(node.port), accessKey: keys[0] }, "chat").sendText("", "hello").then(({ status }) => status === 202, () => false);
      await until(async () => (await Promise.all(nodes.map(works))).every(Boolean), "the new key to be in force");
    };
    await put([KEYS[1], KEYS[0]]);
    assert.deepEqual(await statusAtAll(session), [200, 200, 200]);
    const back = await through(begun.headers.location, ENDPOINT);
    const later = sessionOf(await at(nodes[1], back, cookiesOf(begun).join("; ")));
    assert.deepEqual(await statusAtAll(later), [200, 200, 200], "who was on the way arrives");
    for (const node of nodes) writeFileSync(node.file, settings({ keys: [KEYS[1]] }));
    await until(async () => (await statusAtAll(session)).every((status) => status === 401), "the old key to be gone");
    assert.deepEqual(await statusAtAll(later), [200, 200, 200], "the newest key has sealed it");
  });

  test("cannot be made up by whoever has the access key", async () => {
    const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
    /** The cookie of an operator that somebody writes who knows how, as far as the secrets go. */
    const madeUp = (clientSecret) => {
      const key = hmac(hmac(KEYS[0], "hubwire console cookies of people"), clientSecret);
      const [salt, until_] = [randomBytes(32), Buffer.alloc(8)];
      until_.writeBigUInt64BE(BigInt(Date.now() + 12 * 3_600_000));
      const own = hkdfSync("sha256", Buffer.concat([key, Buffer.from(issuer.url)]), salt, "hubwire console cookie 1person session", 32);
      const cipher = createCipheriv("aes-256-gcm", Buffer.from(own), Buffer.alloc(12));
      const contents = JSON.stringify({ id: "0".repeat(32), name: "mallory", values: ["ops"] });
      const sealed = [salt, cipher.update(until_), cipher.update(contents), cipher.final(), cipher.getAuthTag()];
      return `hubwire_console=${Buffer.concat(sealed).toString("base64url")}`;
    };
    assert.deepEqual(await statusAtAll(madeUp("")), [401, 401, 401]);
    assert.deepEqual(await statusAtAll(madeUp(CLIENT.secret)), [200, 200, 200], "with the client's secret it would be one");
  });
});

withNats("people who sign in by a public client", () => {
  afterEach(() => Promise.all(nodes.map((node) => node.stop())));
  const words = /people who sign in to the console are known to one node only: set cluster\.secret/;

  test("are known to one node only without a secret of the cluster, which the log says", async () => {
    issuer.register(ENDPOINT, { secret: null });
    nodes = await startNodes(2, { openid: "" });
    const { session } = await signIn(nodes[0], nodes[0]);
    assert.deepEqual(await statusAtAll(session), [200, 401]);
    for (const node of nodes) await until(() => words.test(node.output.stderr), "the warning");
  });

  test("are known to all nodes with one", async () => {
    issuer.register(ENDPOINT, { secret: null });
    nodes = await startNodes(2, { openid: "", cluster: 'secret = "a secret of the cluster"\n' });
    const { session } = await signIn(nodes[0], nodes[1]);
    assert.deepEqual(await statusAtAll(session), [200, 200]);
    for (const node of nodes) assert.doesNotMatch(node.output.stderr, words);
  });
});
