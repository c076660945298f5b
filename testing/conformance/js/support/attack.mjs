// Attacks on one service, each with the outcome that its attacker sees, beside canaries who see that nobody else notices.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { Canaries } from "./canaries.mjs";
import { withDeadline } from "./deadline.mjs";
import { startConfigured } from "./handler.mjs";
import { nowSeconds, signToken } from "./rest.mjs";

/** Settings of the attacked service: patience is short, so that tests of it are; compression is on, to be attacked. */
export const SETTINGS = `compression = true
workers = 2
[limits]
request_header_timeout_ms = 2000
request_body_timeout_ms = 1000
drain_timeout_ms = 1000
http_connections_max = 1024
`;

/**
 * Makes a test of each attack: `{ attack, outcome, act }`, where `act(server, hub)` resolves with what the attacker saw. The canaries sing on, and the
 * service lives.
 */
export function attackTests(area, attacks, { settings = SETTINGS } = {}) {
  describe(area, () => {
    let server;
    let canaries;
    before(async () => {
      server = await startConfigured(settings);
      canaries = await Canaries.start(server);
      await canaries.unharmed();
      console.log(`canaries before the attacks: ${await canaries.delays()}`);
    });
    after(async () => {
      await canaries.stop();
      assert.equal((await server.stop()).code, 0, "the service stops in order");
    });
    for (const { attack, outcome, act } of attacks) {
      test(`${attack}: ${outcome}`, async (context) => {
        const seen = await act(server, server.hub("attack"));
        await canaries.unharmed();
        context.diagnostic(`canaries: ${await canaries.delays()}`);
        assert.ok(server.alive, "the service lives");
        assert.equal(seen, outcome);
      });
    }
  });
}

/** Sends bytes over a socket of its own and reads until the service ends it: the statuses of all answers, and the text. */
export function speak(server, pieces, { pauseMs = 0 } = {}) {
  const socket = net.connect({ host: "127.0.0.1", port: server.port, noDelay: true });
  let text = "";
  const ended = new Promise((resolve) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => (text += bytes.toString("latin1")));
    socket.on("close", resolve);
  });
  const sent = (async () => {
    for (const piece of [pieces].flat()) {
      if (socket.destroyed) return;
      socket.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
      if (pauseMs) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  return withDeadline(Promise.all([ended, sent]), () => `the end of the socket; saw ${JSON.stringify(text.slice(0, 400))}`, 15_000).then(() => {
    const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((match) => match[1]);
    return { statuses, text, words: statuses.length ? statuses.join(", ") : "closed without an answer" };
  });
}

/** A REST call as bytes, with a good token for it; `headers` are lines. */
export function request(server, method, path, { headers = [], body = "", host = server.host, token } = {}) {
  const bearer = token ?? signToken({ aud: `${server.endpoint}${path}`, exp: nowSeconds() + 300 }, server.accessKey);
  const lines = [`${method} ${path} HTTP/1.1`, ...(host === null ? [] : [`Host: ${host}`]), `Authorization: Bearer ${bearer}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
