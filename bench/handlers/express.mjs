#!/usr/bin/env node
// An echoing event handler as applications write it: the official middleware on express. It uses the packages of testing/conformance
// (`npm ci` there, or `cargo xtask test --only node`).
import { createRequire } from "node:module";

const require = createRequire(new URL("../../testing/conformance/package.json", import.meta.url));
const express = require("express");
const { WebPubSubEventHandler } = require("@azure/web-pubsub-express");

const handler = new WebPubSubEventHandler("bench", {
  path: "/eventhandler",
  handleUserEvent: (request, response) => response.success(request.data, request.dataType),
});
const server = express()
  .use(handler.getMiddleware())
  .listen(0, "127.0.0.1", () => {
    console.log(`Endpoint=http://127.0.0.1:${server.address().port};AccessKey=none;`);
  });
