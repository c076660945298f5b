// Tokens that try to be believed, and what a console, a proxy or a page of another site might give away.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { HandshakeRefused, RawClient } from "../support/raw_client.mjs";
import { clientUrl, nowSeconds, rest, signToken } from "../support/rest.mjs";
import { speak } from "../support/attack.mjs";

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const hmac = (text, key, hash = "sha256") => createHmac(hash, key).update(text).digest("base64url");
const good = (server, hub) => ({ aud: `${server.endpoint}/client/hubs/${hub}`, exp: nowSeconds() + 300 });

/** A token of these texts, signed with the service's own key: only what is said in it is wrong. */
function written(server, header, claims, { key = server.accessKey, hash } = {}) {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${hmac(signed, key, hash)}`;
}

/** The status that a client is refused with, or 101. */
async function status(server, hub, token) {
  const opened = await RawClient.connect(clientUrl(server, hub, { token })).catch((error) => error);
  if (opened instanceof HandshakeRefused) return `${opened.status}`;
  if (opened instanceof Error) throw opened;
  await opened.close(1000);
  return "101";
}

const token = (make) => (server, hub) => status(server, hub, make(server, hub));
const header = (more) => token((server, hub) => written(server, { alg: "HS256", typ: "JWT", ...more }, good(server, hub)));
const claims = (more) => token((server, hub) => signToken({ ...good(server, hub), ...more }, server.accessKey));
/** Claims as text, with the good audience and expiry for `AUD` and `EXP`. */
const claimsText = (text) => token((server, hub) => {
  const { aud, exp } = good(server, hub);
  return written(server, { alg: "HS256" }, text.replaceAll("AUD", JSON.stringify(aud)).replaceAll("EXP", exp));
});

/** A token that names a place to get its key from: whether anybody went there. */
const fetched = (parameter) => async (server, hub) => {
  let calls = 0;
  const trap = createServer((_, response) => {
    calls += 1;
    response.end("{}");
  });
  await new Promise((resolve) => trap.listen(0, "127.0.0.1", resolve));
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const head = { alg: "RS256", typ: "JWT", kid: "1", [parameter]: parameter === "jwk" ? publicKey.export({ format: "jwk" }) : `http://127.0.0.1:${trap.address().port}/keys` };
  const signed = `${encode(head)}.${encode(good(server, hub))}`;
  const seen = await status(server, hub, `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`);
  await new Promise((resolve) => trap.close(resolve));
  return `${seen}, ${calls} calls`;
};

const console_ = (method, path, { headers = [], host } = {}) => async (server) => {
  const { words, text } = await speak(server, `${method} /console/${path} HTTP/1.1\r\nHost: ${host ?? server.host}\r\n${["Connection: close", ...headers].join("\r\n")}\r\n\r\n`);
  if (words === "200") return /<!doctype html>/i.test(text) && !/root:/.test(text) ? "200, the page" : "200, something else";
  return /^access-control-allow-/im.test(text) ? `${words}, open to other sites` : words;
};

export const TOKEN_ATTACKS = [
  ...["none", "None", "NONE", "nOnE", ""].map((alg) => ({ attack: `algorithm ${JSON.stringify(alg)} and no signature`, outcome: "401", act: token((server, hub) => `${encode({ alg, typ: "JWT" })}.${encode(good(server, hub))}.`) })),
  { attack: "algorithm none with a good signature", outcome: "401", act: header({ alg: "none" }) },
  { attack: "algorithm RS256 with the HMAC of the key", outcome: "401", act: header({ alg: "RS256" }) },
  { attack: "algorithm HS512 with a signature of HS256", outcome: "401", act: header({ alg: "HS512" }) },
  { attack: "no algorithm", outcome: "401", act: header({ alg: undefined }) },
  { attack: "algorithm as a list", outcome: "401", act: header({ alg: ["HS256"] }) },
  { attack: "a key id that is a path to an empty file, signed with an empty key", outcome: "401", act: token((server, hub) => written(server, { alg: "HS256", kid: "../../../../dev/null" }, good(server, hub), { key: "" })) },
  { attack: "a key id that is SQL, signed with what it selects", outcome: "401", act: token((server, hub) => written(server, { alg: "HS256", kid: "x' UNION SELECT 'k" }, good(server, hub), { key: "k" })) },
  { attack: "a key that the token brings along (jwk)", outcome: "401, 0 calls", act: fetched("jwk") },
  { attack: "an address of keys (jku)", outcome: "401, 0 calls", act: fetched("jku") },
  { attack: "an address of certificates (x5u)", outcome: "401, 0 calls", act: fetched("x5u") },
  { attack: "a critical extension that nobody knows", outcome: "401", act: header({ crit: ["exp-not-needed"], "exp-not-needed": true }) },
  { attack: "a payload that is not encoded (b64)", outcome: "401", act: header({ crit: ["b64"], b64: false }) },
  { attack: "a token of five parts", outcome: "401", act: token((server, hub) => `${signToken(good(server, hub), server.accessKey)}.x.y`) },
  { attack: "an empty signature", outcome: "401", act: token((server, hub) => signToken(good(server, hub), server.accessKey).replace(/[^.]+$/, "")) },
  { attack: "a signature with its last bits changed", outcome: "401", act: token((server, hub) => signToken(good(server, hub), server.accessKey).replace(/.{3}$/, "AAA")) },
  { attack: "white space around the token", outcome: "401", act: token((server, hub) => ` ${signToken(good(server, hub), server.accessKey)}\n`) },
  { attack: "a token of 40,000 characters", outcome: "401", act: claims({ padding: "p".repeat(30_000) }) },
  { attack: "50,000 roles", outcome: "431", act: claims({ role: Array.from({ length: 50_000 }, (_, n) => `r${n}`) }) },
  { attack: "an expiry as text", outcome: "401", act: claims({ exp: `${nowSeconds() + 300}` }) },
  { attack: "a negative expiry", outcome: "401", act: claims({ exp: -1 }) },
  { attack: "an expiry of 1e400", outcome: "401", act: claimsText('{"aud":AUD,"exp":1e400}') },
  { attack: "an expiry of null", outcome: "401", act: claims({ exp: null }) },
  { attack: "an expiry that has passed behind a good one: the last counts (RFC 7519 §4)", outcome: "401", act: claimsText('{"aud":AUD,"exp":EXP,"exp":1}') },
  { attack: "a good expiry behind one that has passed: the last counts", outcome: "101", act: claimsText('{"aud":AUD,"exp":1,"exp":EXP}') },
  { attack: "the audience of another hub behind a good one", outcome: "401", act: claimsText('{"aud":AUD,"aud":"http://x/client/hubs/other","exp":EXP}') },
  { attack: "a good audience behind one of another hub", outcome: "101", act: claimsText('{"aud":"http://x/client/hubs/other","aud":AUD,"exp":EXP}') },
  { attack: "the audience of a hub whose name begins alike", outcome: "401", act: token((server, hub) => signToken({ ...good(server, hub), aud: `${server.endpoint}/client/hubs/${hub.slice(0, -1)}` }, server.accessKey)) },
  { attack: "an audience with another path behind dots", outcome: "401", act: token((server, hub) => signToken({ ...good(server, hub), aud: `${server.endpoint}/client/hubs/other/../${hub}` }, server.accessKey)) },
  { attack: "an audience with a user name in front of the host", outcome: "401", act: token((server, hub) => signToken({ ...good(server, hub), aud: `http://${server.host}@evil.example/client/hubs/${hub}` }, server.accessKey)) },
  { attack: "claims that are a list", outcome: "401", act: claimsText("[]") },
  { attack: "claims nested 5,000 deep", outcome: "401", act: claimsText(`{"aud":AUD,"exp":EXP,"x":${"[".repeat(5000)}${"]".repeat(5000)}}`) },
  { attack: "a client's token for a REST call", outcome: "401", act: async (server, hub) => `${(await rest(server, "HEAD", `/api/hubs/${hub}/users/u`, { token: signToken(good(server, hub), server.accessKey) })).status}` },
  { attack: "a REST token for another hub", outcome: "401", act: async (server, hub) => `${(await rest(server, "HEAD", `/api/hubs/${hub}/users/u`, { token: signToken({ aud: `${server.endpoint}/api/hubs/other/users/u`, exp: nowSeconds() + 300 }, server.accessKey) })).status}` },
  { attack: "500 wrong tokens at once", outcome: "401", act: async (server, hub) => [...new Set(await Promise.all(Array.from({ length: 500 }, (_, n) => status(server, hub, signToken(good(server, hub), `guess ${n}`)))))].join(" or ") },
  { attack: "the console by a name of another site that points here", outcome: "403", act: console_("GET", "api/overview", { host: "evil.example" }) },
  { attack: "a change through the console by a form of another site", outcome: "403", act: console_("POST", "api/hubs/canary/actions", { headers: ["Origin: https://evil.example", "Content-Type: text/plain", "Content-Length: 0"] }) },
  { attack: "the console's data by a script of another site", outcome: "403", act: console_("GET", "api/overview", { headers: ["Origin: https://evil.example"] }) },
  { attack: "a preflight of another site for the console", outcome: "403", act: console_("OPTIONS", "api/overview", { headers: ["Origin: https://evil.example", "Access-Control-Request-Method: POST"] }) },
  { attack: "a file outside of the console's page", outcome: "404", act: console_("GET", "../../../../etc/passwd") },
  { attack: "a file outside of the console's page, percent-encoded", outcome: "200, the page", act: console_("GET", "assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd") },
];
