// HTTP itself: kept connections, cleartext HTTP/2, one port for everything.
import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { withDeadline } from "./support/deadline.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { Hub, rest, restToken } from "./support/rest.mjs";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

test("one TCP connection serves many calls, errors among them", async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  let sockets = 0;
  agent.createConnection = (options) => {
    sockets += 1;
    return net.connect(options.port, "127.0.0.1");
  };
  const hub = new Hub(server, server.hub());
  const calls = [
    () => hub.call("HEAD", "/users/none", { agent }),
    () => hub.call("POST", "/:send", { agent, body: "x", headers: { "Content-Type": "text/plain" } }),
    () => hub.call("POST", "/:send", { agent, body: "x", headers: { "Content-Type": "text/html" } }),
    () => hub.call("HEAD", "/users/none", { agent, token: null }),
    () => hub.call("GET", "/nowhere", { agent }),
    () => hub.call("DELETE", "/connections/none", { agent }),
    () => hub.call("POST", "/:send", { agent, chunked: true, body: "x", headers: { "Content-Type": "text/plain" } }),
  ];
  const statuses = [];
  for (let round = 0; round < 3; round += 1) for (const call of calls) statuses.push((await call()).status);
  assert.deepEqual(statuses, Array(3).fill([404, 202, 415, 401, 404, 204, 202]).flat());
  assert.equal(sockets, 1);
  agent.destroy();
});

test("requests that are written at once are answered in order", async () => {
  const hub = new Hub(server, server.hub());
  const target = (id) => `/api/hubs/${hub.name}/groups/g/connections/${id}`;
  const lines = (id) => `PUT ${target(id)} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 0\r\nAuthorization: Bearer ${restToken(server, target(id))}\r\n\r\n`;
  const text = await withDeadline(
    new Promise((resolve, reject) => {
      const socket = net.connect(server.port, "127.0.0.1", () => socket.write(["one", "two", "three"].map(lines).join("")));
      let received = "";
      socket.on("data", (data) => {
        received += data;
        if (received.includes("`three`")) {
          socket.destroy();
          resolve(received);
        }
      });
      socket.on("error", reject);
    }),
    "three answers",
  );
  assert.deepEqual([...text.matchAll(/Connection `(\w+)`/g)].map((match) => match[1]), ["one", "two", "three"]);
});

describe("cleartext HTTP/2", () => {
  const request = (session, headers, body) =>
    withDeadline(
      new Promise((resolve, reject) => {
        const stream = session.request(headers);
        const answer = { text: "" };
        stream.on("response", (received) => (answer.headers = received));
        stream.on("data", (data) => (answer.text += data));
        stream.on("end", () => resolve(answer));
        stream.on("error", reject);
        stream.end(body);
      }),
      "an HTTP/2 answer",
    );

  test("serves the data plane with prior knowledge, many calls at once", async () => {
    const name = server.hub();
    const client = await RawClient.json(server, name);
    const session = http2.connect(server.endpoint);
    const path = `/api/hubs/${name}/:send?api-version=2024-12-01`;
    const send = (n) => request(session, { ":method": "POST", ":path": path, "content-type": "application/json", authorization: `Bearer ${restToken(server, path)}` }, String(n));
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => send(n)));
    for (const answer of answers) {
      assert.equal(answer.headers[":status"], 202);
      assert.equal(answer.headers["api-supported-versions"], "2021-10-01, 2022-11-01, 2023-07-01, 2024-01-01, 2024-12-01");
    }
    const numbers = [];
    for (let n = 0; n < 50; n += 1) numbers.push((await client.message()).data);
    assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n));
    const head = `/api/hubs/${name}/users/none`;
    const missing = await request(session, { ":method": "HEAD", ":path": head, authorization: `Bearer ${restToken(server, head)}` });
    assert.deepEqual([missing.headers[":status"], missing.headers["x-ms-error-code"], missing.text], [404, "Warning.User.NotExisted", ""]);
    const refused = await request(session, { ":method": "HEAD", ":path": head });
    assert.equal(refused.headers[":status"], 401);
    session.close();
    await client.close(1000);
  });

  test("keeps the body limit", async () => {
    const session = http2.connect(server.endpoint);
    const path = `/api/hubs/${server.hub()}/:send`;
    const answer = await request(session, { ":method": "POST", ":path": path, "content-type": "text/plain", authorization: `Bearer ${restToken(server, path)}` }, Buffer.alloc(1_048_577, 0x61));
    assert.equal(answer.headers[":status"], 400);
    session.close();
  });
});

test("garbage on the port is answered or cut, and the server lives on", async () => {
  for (const garbage of ["\0\0\0\0", "GET\r\n\r\n", `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(5000)}\r\n`, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense of all kinds"]) {
    const socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.end(garbage);
    await withDeadline(closed, "the end of the connection");
  }
  assert.equal((await rest(server, "HEAD", "/api/health", { token: null })).status, 200);
  assert.equal(server.alive, true);
});
