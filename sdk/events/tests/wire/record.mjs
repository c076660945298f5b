// Sends every request of requests.mjs to applications with the official middleware, and writes requests and answers to recorded.json.
//
//     npm install && npm run record

import { createRequire } from "node:module";
import { request as send } from "node:http";
import { writeFileSync } from "node:fs";
import express from "express";
import { WebPubSubEventHandler } from "@azure/web-pubsub-express";
import { requests } from "./requests.mjs";

function handleConnect(req, res) {
  const wish = req.queries?.wish?.[0] ?? "";
  const [verb, code] = wish.split(" ");
  switch (wish) {
    case "nothing": return res.success();
    case "all": return res.success({ groups: ["g1", "g2"], roles: ["webpubsub.sendToGroup.g1"], userId: "ü", subprotocol: "b" });
    case "empty": return res.success({ groups: [], roles: [] });
    case "user": return res.success({ userId: "u" });
    case "state": res.setState("calledTime", 1); return res.success();
    case "states":
      res.setState("z", { b: [1, 2.5, null], a: "ü" });
      res.setState("a", true);
      res.setState("z", "last");
      return res.success({ userId: "u" });
    case "fail silently": return res.fail(401);
    case "failWith 401": return res.failWith({ code: 401, detail: "Unauthorized" });
    case "state and fail": res.setState("a", 1); return res.fail(401, "no");
    case "mqtt": return res.success({ userId: "u", mqtt: { userProperties: [{ name: "a", value: "b" }] } });
    case "mqtt refusal":
      return res.failWith({ mqtt: { code: 135, reason: "no", userProperties: [{ name: "a", value: "b" }] } });
  }
  if (verb === "fail") return res.fail(Number(code), `refused with ${code}`);
  if (verb === "code") return res.failWith({ mqtt: { code: Number(code) } });
  throw new Error(`unknown wish: ${wish}`);
}

function handleUserEvent(req, res) {
  switch (req.context.eventName) {
    case "silent": return res.success();
    case "text": return res.success("Hey grüße", "text");
    case "json": return res.success('{"sum":3}', "json");
    case "binary": return res.success(Buffer.from([0, 255]), "binary");
    case "untyped": return res.success("x");
    case "empty": return res.success("", "text");
    case "echo": return res.success(req.dataType === "json" ? JSON.stringify(req.data) : req.data, req.dataType);
    case "fail400": return res.fail(400, "no");
    case "fail401": return res.fail(401, "no");
    case "fail500": return res.fail(500, "no");
    case "failsilently": return res.fail(401);
    case "throw": throw new Error("a secret");
    case "count": {
      const calledTime = (req.context.states.calledTime ?? 0) + 1;
      res.setState("calledTime", calledTime);
      return res.success(String(calledTime), "text");
    }
  }
  throw new Error(`unknown event: ${req.context.eventName}`);
}

const handlers = {
  handleConnect,
  handleUserEvent,
  onConnected: (req) => {
    if (req.context.userId === "fail") throw new Error("a secret");
  },
  onDisconnected: () => {},
  onGroupJoined: () => {},
  onGroupLeft: () => {},
};
const allowedEndpoints = ["https://SVC.example.com", "http://local.example.com:8080/path"];
const apps = {
  handlers: new WebPubSubEventHandler("chat", handlers),
  bare: new WebPubSubEventHandler("chat"),
  listed: new WebPubSubEventHandler("chat", { ...handlers, allowedEndpoints }),
  nobody: new WebPubSubEventHandler("chat", { ...handlers, allowedEndpoints: [] }),
  path: new WebPubSubEventHandler("chat", { ...handlers, path: "/customPath1" }),
};

function answer(port, { method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const outgoing = send({ port, method, path, headers: { ...headers, "content-length": Buffer.byteLength(body) } }, (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk));
      incoming.on("end", () =>
        resolve({
          status: incoming.statusCode,
          contentType: incoming.headers["content-type"] ?? null,
          state: incoming.headers["ce-connectionstate"] ?? null,
          allowedOrigins: incoming.headersDistinct["webhook-allowed-origin"] ?? [],
          // One character for each byte, so that every body can be written down.
          body: Buffer.concat(chunks).toString("latin1"),
        }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const ports = {};
const servers = Object.entries(apps).map(([name, handler]) => {
  const app = express();
  app.use(handler.getMiddleware());
  app.use((_req, res) => res.status(404).type("text/plain").send("passed on"));
  app.use((error, _req, res, _next) => {
    // After an early answer there is nobody left to tell.
    if (!res.headersSent) res.status(500).type("text/plain").send("failed");
  });
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => {
      ports[name] = server.address().port;
      resolve(server);
    });
  });
});
const listening = await Promise.all(servers);
const exchanges = [];
for (const request of requests) {
  exchanges.push({ ...request, answer: await answer(ports[request.app], request) });
}
for (const server of listening) server.close();

const { version } = createRequire(import.meta.url)("./node_modules/@azure/web-pubsub-express/package.json");
const recorded = { middleware: `@azure/web-pubsub-express ${version}`, exchanges };
writeFileSync(new URL("recorded.json", import.meta.url), `${JSON.stringify(recorded, null, 1)}\n`);
console.log(`${exchanges.length} exchanges`);
