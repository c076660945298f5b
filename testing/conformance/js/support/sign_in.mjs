// Signing in to the console at an issuer by hand: requests with no browser's manners, each on a socket of its own, so that each may come to another node.
import http from "node:http";
import { OPERATOR_TOKEN } from "./console.mjs";
import { CLIENT } from "./issuer.mjs";

export const START = "/console/api/openid/start";
export const CALLBACK = "/console/api/openid/callback";
const SECRET = `client_secret = { env = "CLIENT_SECRET" }`;

/** The tables of a console that people sign in to at an issuer; `more` is further lines of the last one. */
export const openidTables = (issuer, more = SECRET, operators = ["ops"]) =>
  `[console]\noperator_token = "${OPERATOR_TOKEN}"\n[console.openid]\nissuer = "${issuer.url}"\nclient_id = "${CLIENT.id}"\nname = "Example ID"\nscopes = ["profile", "groups"]\noperators = ${JSON.stringify(operators)}\nviewers = ["eve"]\n${more}\n`;

/** One request to whoever listens on a port, under the name that people know it by. */
export function ask({ port, host }, path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method, agent: false, headers: { Host: host, "X-Hubwire-Console": "1", ...headers } };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** The cookies that an answer sets, as a browser sends them back. */
export const cookiesOf = (answer) => (answer.headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]);

/** The cookie of a session among them, if there is one. */
export const sessionOf = (answer) => cookiesOf(answer).find((cookie) => cookie.startsWith("hubwire_console="));

/** Goes through the issuer with nothing but its cookies, and answers the path that it leads back to. */
export async function through(place, endpoint) {
  const jar = new Map();
  for (let url = place, hops = 0; hops < 10; hops += 1) {
    const answer = await fetch(url, { redirect: "manual", headers: { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") } });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    url = new URL(answer.headers.get("location"), url).href;
    if (url.startsWith(endpoint)) return url.slice(endpoint.length);
  }
  throw new Error("The issuer goes round in circles.");
}
