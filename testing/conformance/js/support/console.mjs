// A service whose console is open, and what tests of it have in common.
import http from "node:http";
import { startConfigured } from "./handler.mjs";

export const OPERATOR_TOKEN = "operator-token-of-a-test";
export const VIEWER_TOKEN = "viewer-token-of-a-test";

/** A service whose console wants a token. */
export function startWithTokens(options) {
  return startConfigured(`[console]\noperator_token = "${OPERATOR_TOKEN}"\nviewer_token = "${VIEWER_TOKEN}"\n`, options);
}

/** The status and headers of a handshake that is to be refused. */
export function refusedHandshake(server, path) {
  return new Promise((resolve, reject) => {
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const request = http.request({ host: "127.0.0.1", port: server.port, path, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("upgrade", () => reject(new Error(`The handshake at ${path} was accepted.`)));
    request.on("error", reject);
    request.end();
  });
}
