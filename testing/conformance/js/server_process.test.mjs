// The process as its operator sees it: banner, key, clean end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { RawClient } from "./support/raw_client.mjs";
import { rest } from "./support/rest.mjs";
import { DEVELOPMENT_KEY, binaryPath, ofOneProcess, startServer } from "./support/server.mjs";

test("the banner shows a connection string that works as it stands", async () => {
  const server = await startServer();
  assert.equal(server.accessKey, DEVELOPMENT_KEY);
  assert.match(server.output.stdout, /Endpoint=http:\/\/127\.0\.0\.1:\d+;AccessKey=[^;]+;Version=1\.0;/);
  assert.equal((await rest(server, "HEAD", "/api/hubs/h/users/u")).status, 404);
  await server.stop();
});

test("a key of one's own is used and the development key is refused", async () => {
  const key = "a-key-of-more-than-thirty-two-bytes-length";
  const server = await startServer({ args: ["--access-key", key] });
  assert.equal(server.accessKey, key);
  assert.equal((await rest(server, "HEAD", "/api/hubs/h/users/u")).status, 404);
  assert.equal((await rest({ ...server, accessKey: DEVELOPMENT_KEY }, "HEAD", "/api/hubs/h/users/u")).status, 401);
  const client = await RawClient.json(server, "h");
  await client.close(1000);
  await server.stop();
});

test("the key may come from the environment", async () => {
  const key = "another-key-of-more-than-thirty-two-bytes";
  const server = await startServer({ env: { HUBWIRE_ACCESS_KEY: key } });
  assert.equal(server.accessKey, key);
  await server.stop();
});

test("SIGTERM ends the process with success and the clients with a close frame", async () => {
  const server = await startServer();
  const [plain, reliable] = [await RawClient.json(server, "h"), await RawClient.reliable(server, "h")];
  const ending = await server.stop();
  assert.deepEqual(ending, { code: 0, signal: null });
  for (const client of [plain, reliable]) assert.equal((await client.closed()).code, 1001);
});

for (const [what, args] of Object.entries({
  "a key that is too short": ["--access-key", "short"],
  "the development key on an address that others can reach": ["--listen", "0.0.0.0:0"],
  "an unknown option": ["--nonsense"],
})) {
  // What a cluster listens on is no node's address.
  const declare = args.includes("0.0.0.0:0") ? ofOneProcess(test) : test;
  declare(`${what} stops the start with a message`, async () => {
    const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const child = spawn(binaryPath(), ["serve", ...listen, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (data) => (stderr += data));
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    const code = await new Promise((resolve) => child.on("close", resolve));
    clearTimeout(timer);
    assert.ok(code > 0, `ended with ${code}`);
    assert.notEqual(stderr.trim(), "");
  });
}
