// REST calls with nothing between the test and the wire: own tokens, own paths, own bodies.
import { createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { DEADLINE_MS } from "./deadline.mjs";

export const LATEST_VERSION = "2024-12-01";
export const SUPPORTED_VERSIONS = ["2021-10-01", "2022-11-01", "2023-07-01", "2024-01-01", "2024-12-01"];

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A JSON Web Token; `alg: "none"` gives an unsigned one. */
export function signToken(claims, key, { alg = "HS256", header = {} } = {}) {
  const signed = `${encode({ alg, typ: "JWT", ...header })}.${encode(claims)}`;
  if (alg === "none") return `${signed}.`;
  const hash = { HS256: "sha256", HS384: "sha384", HS512: "sha512" }[alg];
  return `${signed}.${createHmac(hash, key).update(signed).digest("base64url")}`;
}

/** The bearer token of a REST call, with the request URL as audience, as the official SDKs sign it. */
export function restToken(server, target, claims = {}) {
  return signToken({ aud: `${server.endpoint}${target}`, exp: nowSeconds() + 300, ...claims }, server.accessKey);
}

/** A client access token; `claims` overrides whatever is not usual. */
export function clientToken(server, hub, { userId, roles, groups, key = server.accessKey, alg, claims = {} } = {}) {
  const payload = { aud: `${server.endpoint}/client/hubs/${hub}`, iat: nowSeconds(), exp: nowSeconds() + 3600, ...claims };
  if (userId !== undefined) payload.sub = userId;
  if (roles !== undefined) payload.role = roles;
  if (groups !== undefined) payload["webpubsub.group"] = groups;
  return signToken(payload, key, { alg });
}

/** The URL of a client connection; `query` adds parameters, `token: null` leaves the token out. */
export function clientUrl(server, hub, { query = {}, token, ...claims } = {}) {
  const url = new URL(`${server.wsEndpoint}/client/hubs/${hub}`);
  const value = token === undefined ? clientToken(server, hub, claims) : token;
  if (value !== null) url.searchParams.set("access_token", value);
  appendQuery(url.searchParams, query);
  return url.toString();
}

function appendQuery(params, query) {
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, one);
  }
}

/** The request target: the path as given, byte for byte, then the query. */
function targetOf(path, query, apiVersion) {
  if (typeof query === "string") return `${path}?${query}`;
  const params = new URLSearchParams();
  if (apiVersion !== null) params.append("api-version", apiVersion);
  appendQuery(params, query);
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * One HTTP request. Options: `query` (object, or text used as it is), `apiVersion` (null leaves it out), `token`
 * (null sends none), `headers`, `body`, `chunked`.
 */
export function rest(server, method, path, options = {}) {
  const { query = {}, apiVersion = LATEST_VERSION, headers = {}, body, chunked = false, token } = options;
  const target = targetOf(path, query, apiVersion);
  const all = { ...headers };
  const bearer = token === undefined ? restToken(server, target) : token;
  if (bearer !== null) all.Authorization = `Bearer ${bearer}`;
  const payload = body === undefined ? undefined : Buffer.from(body);
  if (payload && !chunked) all["Content-Length"] ??= payload.length;
  if (!payload && method === "POST") all["Content-Length"] ??= 0;
  if (chunked) all["Transfer-Encoding"] = "chunked";
  return send({ host: "127.0.0.1", port: server.port, method, path: target, headers: all, ...how(server, options) }, payload, chunked);
}

function how(server, options) {
  if (server.endpoint.startsWith("https:")) return { secure: true, ...options.tls };
  return { agent: options.agent ?? agent };
}

const CHUNK_BYTES = 16_384;

function send(request, payload, chunked) {
  return new Promise((resolve, reject) => {
    const call = (request.secure ? https : http).request(request, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve(new Answer(response, Buffer.concat(parts))));
    });
    call.setTimeout(DEADLINE_MS, () => call.destroy(new Error(`No answer to ${request.method} ${request.path}`)));
    call.on("error", reject);
    if (payload && chunked) {
      for (let at = 0; at < payload.length; at += CHUNK_BYTES) call.write(payload.subarray(at, at + CHUNK_BYTES));
    } else if (payload) {
      call.write(payload);
    }
    call.end();
  });
}

class Answer {
  constructor(response, body) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.body = body;
    this.text = body.toString("utf8");
  }

  get json() {
    return JSON.parse(this.text);
  }

  get errorCode() {
    return this.headers["x-ms-error-code"];
  }
}

/** The data plane of one hub in short verbs. */
export class Hub {
  constructor(server, name) {
    this.server = server;
    this.name = name;
  }

  call(method, path, options) {
    return rest(this.server, method, `/api/hubs/${this.name}${path}`, options);
  }

  sendText(path, text, query = {}, headers = {}) {
    return this.call("POST", `${path}/:send`, { query, body: text, headers: { "Content-Type": "text/plain", ...headers } });
  }

  sendJson(path, value, query = {}, headers = {}) {
    const body = typeof value === "string" ? value : JSON.stringify(value);
    return this.call("POST", `${path}/:send`, { query, body, headers: { "Content-Type": "application/json", ...headers } });
  }

  sendBinary(path, bytes, query = {}, headers = {}) {
    return this.call("POST", `${path}/:send`, { query, body: bytes, headers: { "Content-Type": "application/octet-stream", ...headers } });
  }

  postJson(path, value, query = {}) {
    const body = typeof value === "string" ? value : JSON.stringify(value);
    return this.call("POST", path, { query, body, headers: { "Content-Type": "application/json" } });
  }

  async exists(path) {
    return (await this.call("HEAD", path)).status === 200;
  }
}
