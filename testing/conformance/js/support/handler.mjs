// Event handlers: the official middleware on express, and a bare server that shows and answers whatever a test wants.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebPubSubEventHandler } from "@azure/web-pubsub-express";
import express from "express";
import { until } from "./deadline.mjs";
import { startServer } from "./server.mjs";

function listen(server) {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

/** An application built with `@azure/web-pubsub-express`, with what it was told, in order. */
export class ExpressHandler {
  calls = [];

  /** `options` as for the middleware; each function sees the request and the response of the middleware. */
  static async start(hub, options = {}) {
    const handler = new ExpressHandler();
    const app = express();
    app.use((request, _response, next) => {
      handler.calls.push({ method: request.method, url: request.url, headers: request.headers });
      next();
    });
    const middleware = new WebPubSubEventHandler(hub, { path: `/eventhandler/${hub}`, ...options });
    app.use(middleware.getMiddleware());
    handler.server = http.createServer(app);
    handler.port = await listen(handler.server);
    handler.urlTemplate = `http://127.0.0.1:${handler.port}/eventhandler/{hub}/{event}`;
    return handler;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A server that keeps every request with its body, and answers by a function; OPTIONS is allowed unless the function says otherwise. */
export class BareHandler {
  requests = [];
  answer = () => ({ status: 204 });
  validation = () => ({ status: 200, headers: { "WebHook-Allowed-Origin": "*" } });

  /** `create` makes the server, if it is to be another than one of plain HTTP/1.1. */
  static async start(port = 0, { create = http.createServer, scheme = "http" } = {}) {
    const handler = new BareHandler();
    handler.server = create((request, response) => handler.#serve(request, response));
    handler.sockets = new Set();
    handler.server.on(scheme === "https" ? "secureConnection" : "connection", (socket) => handler.sockets.add(socket));
    await new Promise((resolve) => handler.server.listen(port, "127.0.0.1", resolve));
    handler.port = handler.server.address().port;
    handler.url = `${scheme}://127.0.0.1:${handler.port}`;
    handler.urlTemplate = `${handler.url}/eventhandler/{hub}/{event}`;
    return handler;
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const seen = { method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders, body: Buffer.concat(chunks), httpVersion: request.httpVersion, session: request.stream?.session };
    this.requests.push(seen);
    const validates = request.method !== "POST";
    const answer = await (validates ? this.validation(seen) : this.answer(seen, response));
    if (!answer) return;
    response.writeHead(answer.status, answer.headers ?? {});
    response.end(answer.body ?? "");
  }

  /** Events so far; validations are left out. */
  get events() {
    return this.requests.filter((request) => request.method === "POST");
  }

  named(name) {
    return this.events.filter((request) => request.headers["ce-eventname"] === name);
  }

  /** Waits for an event, and answers its request. */
  async event(name, number = 1) {
    await until(() => this.named(name).length >= number, () => `event ${name} no. ${number}; there are ${this.events.map((one) => one.headers["ce-eventname"])}`);
    return this.named(name)[number - 1];
  }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

/** A server whose configuration is text, in a folder of its own. */
export async function startConfigured(settings, options = {}) {
  const folder = mkdtempSync(join(tmpdir(), "hubwire-"));
  const file = join(folder, "hubwire.toml");
  writeFileSync(file, settings);
  const server = await startServer({ ...options, args: ["--config", file, ...(options.args ?? [])] });
  server.folder = folder;
  server.file = file;
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return server;
}

/** A handler of a hub in the configuration; `more` is further lines of its table. */
export function handlerTable(hub, urlTemplate, more = 'user_event_pattern = "*"\nsystem_events = ["connect", "connected", "disconnected"]') {
  return `[[hubs.${hub}.event_handlers]]\nurl_template = "${urlTemplate}"\n${more}\n`;
}
