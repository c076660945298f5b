// The connections to handlers: used again, closed at the worst moment, and what is told once or twice because of that.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "./support/deadline.mjs";
import { handlerTable, startConfigured } from "./support/handler.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { NO_CONTENT, SocketHandler } from "./support/socket_handler.mjs";

const TAKES = 'user_event_pattern = "*"\nvalidate = false';
const NOTIFIED = 'system_events = ["connected", "disconnected"]\nvalidate = false';
const event = (data, ackId) => ({ type: "event", event: "e", dataType: "text", data, ackId });

describe("a user event", () => {
  let handler;
  let server;
  let client;
  let nextAckId = 100;
  before(async () => {
    handler = await SocketHandler.start();
    // One worker, so that the second event can use the connection of the first.
    server = await startConfigured(handlerTable("chat", handler.urlTemplate, TAKES), { args: ["--workers", "1"] });
    client = await RawClient.json(server, "chat");
  });
  after(async () => {
    await client.close(1000);
    await server.stop();
    await handler.stop();
  });
  const told = (data) => handler.requests.filter(({ body }) => body.toString() === data);

  async function succeeds(data, ackId) {
    client.send(event(data, ackId));
    assert.equal((await client.ack(ackId)).success, true);
  }

  test("goes over the connection of the one before it", async () => {
    await succeeds("first", 1);
    await succeeds("second", 2);
    assert.deepEqual([told("first")[0].connection, told("second")[0].connection], [1, 1]);
  });

  test("that arrived just before its connection was reset is repeated, once, under the same number and request id", async () => {
    await succeeds("before", 3);
    const [{ connection }] = told("before");
    handler.behave = (request, socket) => {
      if (told(request.body.toString()).length === 1) socket.resetAndDestroy();
      else socket.write(NO_CONTENT);
    };
    await succeeds("reset", 4);
    const [first, second, ...more] = told("reset");
    assert.deepEqual(more, []);
    assert.equal(first.connection, connection, "it was a connection that had been used before");
    assert.notEqual(second.connection, connection);
    for (const name of ["ce-id", "x-ms-client-request-id", "ce-time", "ce-signature"]) assert.equal(first.headers[name], second.headers[name], name);
    handler.behave = (_request, socket) => socket.write(NO_CONTENT);
    assert.deepEqual(client.unseen, [], "the client sees one success");
  });

  for (const [name, behave] of [
    ["closed with its answer, without a word", (_request, socket) => socket.end(NO_CONTENT)],
    ["closed with its answer, as that says", (_request, socket) => socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")],
    ["ended by the end of its answer", (_request, socket) => socket.end("HTTP/1.0 200 OK\r\n\r\n")],
    ["reset after its answer", (_request, socket) => socket.write(NO_CONTENT, () => setImmediate(() => socket.resetAndDestroy()))],
  ]) {
    test(`is told once when the connection of the one before it was ${name}`, async () => {
      let closed = false;
      handler.behave = (request, socket) => {
        socket.once("close", () => (closed = true));
        behave(request, socket);
      };
      await succeeds(`${name} 1`, nextAckId++);
      await until(() => closed, "the close");
      handler.behave = (_request, socket) => socket.write(NO_CONTENT);
      await succeeds(`${name} 2`, nextAckId++);
      assert.deepEqual([told(`${name} 1`).length, told(`${name} 2`).length], [1, 1]);
    });
  }

  test("is told once when its answer was larger than what is read at a time, and the connection serves the next", async () => {
    const reply = "y".repeat(300_000);
    handler.behave = (_request, socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${reply.length}\r\n\r\n${reply}`);
    client.send(event("large", 20));
    assert.equal((await client.message()).data, reply);
    await client.ack(20);
    handler.behave = (_request, socket) => socket.write(NO_CONTENT);
    await succeeds("after large", 21);
    assert.deepEqual([told("large").length, told("after large").length], [1, 1]);
    assert.equal(told("large")[0].connection, told("after large")[0].connection);
  });
});

describe("a notification", () => {
  const OK = "HTTP/1.1 200 OK\r\n";

  for (const [name, behave] of [
    ["breaks off after its status", (_request, socket) => socket.write(`${OK}Content-Length: 100\r\n\r\nhalf`, () => socket.resetAndDestroy())],
    ["never ends", (_request, socket, handler) => {
      socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
      handler.trickle(socket, () => "1\r\nx\r\n", 20);
    }],
    ["is larger than any answer may be", (_request, socket) => socket.write(`${OK}Content-Length: 100000000\r\n\r\n${"x".repeat(100_000)}`)],
  ]) {
    test(`whose answer ${name} has been told, and is not told again`, async () => {
      const handler = await SocketHandler.start();
      handler.behave = (request, socket) => (request.headers["ce-eventname"] === "connected" ? behave(request, socket, handler) : socket.write(NO_CONTENT));
      const server = await startConfigured(`[limits]\nupstream_call_timeout_ms = 3000\n${handlerTable("chat", handler.urlTemplate, NOTIFIED)}`);
      const client = await RawClient.json(server, "chat");
      await client.close(1000);
      // Events of a connection are told in their order: nothing more comes of the first once the second is there.
      await handler.event("disconnected");
      assert.deepEqual(handler.requests.map(({ headers }) => headers["ce-eventname"]), ["connected", "disconnected"]);
      await server.stop();
      await handler.stop();
    });
  }

  test("whose connection was reset before any answer is told again, under the same number and before the next", async () => {
    const handler = await SocketHandler.start();
    handler.behave = (_request, socket) => (handler.requests.length === 1 ? socket.resetAndDestroy() : socket.write(NO_CONTENT));
    const server = await startConfigured(handlerTable("chat", handler.urlTemplate, NOTIFIED));
    const client = await RawClient.json(server, "chat");
    await client.close(1000);
    await handler.event("disconnected");
    assert.deepEqual(handler.requests.map(({ headers }) => `${headers["ce-eventname"]} ${headers["ce-id"]}`), ["connected 1", "connected 1", "disconnected 2"]);
    await server.stop();
    await handler.stop();
  });
});
