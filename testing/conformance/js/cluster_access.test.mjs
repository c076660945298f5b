// What lets nodes in at NATS, and what a node says that is not let in: the setting at fault, and never a secret.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { startConfigured } from "./support/handler.mjs";
import { Nats, withNats } from "./support/nats.mjs";
import { Operator, keyUser } from "./support/nats_credentials.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub } from "./support/rest.mjs";
import { binaryPath } from "./support/server.mjs";

const BINARY = process.env.HUBWIRE_NODE_BIN ?? binaryPath();

const folder = mkdtempSync(join(tmpdir(), "hubwire-access-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A file with a text; answers its path as TOML and NATS write one. */
function file(text) {
  const path = join(folder, `file${(files += 1)}`);
  writeFileSync(path, text);
  return JSON.stringify(path);
}

const natsWith = (settings) => Nats.start({ args: ["-c", JSON.parse(file(settings))] });
const startNode = (nats, settings, scheme = "nats") => startConfigured(`[cluster]\nnats = ["${scheme}://127.0.0.1:${nats.port}"]\n${settings}\n`, { binary: BINARY, args: ["--workers", "1"] });

/** Two nodes with the same settings are one service, and print nothing that is secret. */
async function assertLetIn(nats, settings, { secrets = [], scheme } = {}) {
  const nodes = [await startNode(nats, settings, scheme), await startNode(nats, settings, scheme)];
  const client = await RawClient.json(nodes[0], "chat", { groups: ["g"] });
  assert.equal((await new Hub(nodes[1], "chat").sendText("/groups/g", "let in")).status, 202);
  assert.equal((await client.message()).data, "let in");
  await client.close(1000);
  for (const node of nodes) {
    for (const secret of secrets) assert.ok(!(node.output.stdout + node.output.stderr).includes(secret), "a secret is in the log");
    await node.stop();
  }
}

/** A node with these settings ends at its start, and names what is to be looked at. */
async function assertRefused(nats, settings, words, { secrets = [], scheme } = {}) {
  await assert.rejects(startNode(nats, settings, scheme), (error) => {
    assert.match(error.message, /ended while starting \(1\)/);
    assert.match(error.message, words);
    for (const secret of secrets) assert.ok(!error.message.includes(secret), "a secret is in the error");
    return true;
  });
}

withNats("a NATS server that asks who comes", () => {
  test("lets in by a user and a password, and a wrong one is refused by the names of the settings", async () => {
    const nats = await Nats.start({ args: ["--user", "node", "--pass", "right-secret"] });
    await assertLetIn(nats, 'user = "node"\npassword = "right-secret"', { secrets: ["right-secret"] });
    await assertRefused(nats, 'user = "node"\npassword = "wrong-secret"', /`cluster\.user` and `cluster\.password`/, { secrets: ["wrong-secret"] });
    await assertRefused(nats, 'user = "other"\npassword = "right-secret"', /`cluster\.user` and `cluster\.password`/, { secrets: ["right-secret"] });
    await assertRefused(nats, "", /none of `cluster\.user` with `cluster\.password`, `cluster\.token`, `cluster\.nkey` and `cluster\.credentials` is set/);
    await nats.stop();
  });

  test("lets in by a token, and a wrong one is refused by the name of the setting", async () => {
    const nats = await Nats.start({ args: ["--auth", "right-secret"] });
    await assertLetIn(nats, 'token = "right-secret"', { secrets: ["right-secret"] });
    await assertRefused(nats, 'token = "wrong-secret"', /`cluster\.token`/, { secrets: ["wrong-secret"] });
    await nats.stop();
  });

  test("lets in by the seed of an NKey, and a wrong one or what is none is refused by the name of the setting", async () => {
    const [known, unknown] = [keyUser(), keyUser()];
    const nats = await natsWith(`authorization { users = [ { nkey: ${known.publicKey} } ] }\n`);
    await assertLetIn(nats, `nkey = { file = ${file(known.seed)} }`, { secrets: [known.seed] });
    await assertRefused(nats, `nkey = "${unknown.seed}"`, /`cluster\.nkey`/, { secrets: [unknown.seed] });
    await assertRefused(nats, 'nkey = "SUNOSEEDATALL"', /`cluster\.nkey`/, { secrets: ["SUNOSEEDATALL"] });
    await nats.stop();
  });

  test("lets in by a credentials file, and a stranger's or what is none is refused by the name of the setting", async () => {
    const operator = new Operator();
    const nats = await natsWith(operator.serverSettings);
    const right = operator.credentials();
    await assertLetIn(nats, `credentials = { file = ${file(right)} }`, { secrets: right.split("\n").filter((line) => line && !line.startsWith("-")) });
    const wrong = new Operator().credentials();
    await assertRefused(nats, `credentials = { file = ${file(wrong)} }`, /`cluster\.credentials`/, { secrets: wrong.split("\n").filter((line) => line && !line.startsWith("-")) });
    await assertRefused(nats, 'credentials = "nobody-knows-this"', /`cluster\.credentials`/, { secrets: ["nobody-knows-this"] });
    await nats.stop();
  });
});

const tlsSettings = ({ cert, key }, more = "") => `tls { cert_file: ${file(cert)}, key_file: ${file(key)}${more} }\n`;

withNats("a NATS server that speaks TLS", () => {
  test("is trusted by tls_ca, and one that is not is refused by the name of the setting", async () => {
    const [authority, stranger] = [new Authority(), new Authority()];
    const nats = await natsWith(tlsSettings(authority.server()));
    for (const scheme of ["tls", "nats"]) await assertLetIn(nats, `tls_ca = "${authority.file}"`, { scheme });
    await assertRefused(nats, `tls_ca = "${stranger.file}"`, /`cluster\.tls_ca`/, { scheme: "tls" });
    await assertRefused(nats, "", /`cluster\.tls_ca`/, { scheme: "tls" });
    await assertRefused(nats, `tls_ca = ${file("no certificate")}`, /`cluster\.tls_ca`/, { scheme: "tls" });
    await nats.stop();
    const elsewhere = await natsWith(tlsSettings(authority.server("DNS:elsewhere.example")));
    await assertRefused(elsewhere, `tls_ca = "${authority.file}"`, /`cluster\.nats`.*`cluster\.tls_ca`/, { scheme: "tls" });
    await elsewhere.stop();
  });

  test("that asks for certificates lets in by tls_certificate, and a stranger's or none is refused by the name of the setting", async () => {
    const [authority, stranger] = [new Authority(), new Authority()];
    const nats = await natsWith(tlsSettings(authority.server(), `, ca_file: ${JSON.stringify(authority.file)}, verify: true`));
    const own = (issuer) => {
      const { cert, key } = issuer.client();
      return { cert: file(cert), key: file(key) };
    };
    const [right, wrong] = [own(authority), own(stranger)];
    const ca = `tls_ca = "${authority.file}"\n`;
    await assertLetIn(nats, `${ca}tls_certificate = ${right.cert}\ntls_private_key = ${right.key}`, { scheme: "tls" });
    await assertRefused(nats, `${ca}tls_certificate = ${wrong.cert}\ntls_private_key = ${wrong.key}`, /`cluster\.tls_certificate`/, { scheme: "tls" });
    await assertRefused(nats, ca, /`cluster\.tls_certificate`/, { scheme: "tls" });
    await assertRefused(nats, `${ca}tls_certificate = ${right.cert}\ntls_private_key = ${wrong.key}`, /`cluster\.tls_certificate` and `cluster\.tls_private_key`/, { scheme: "tls" });
    await assertRefused(nats, `${ca}tls_certificate = ${right.cert}\ntls_private_key = ${file("no key")}`, /`cluster\.tls_private_key`/, { scheme: "tls" });
    await nats.stop();
  });
});
