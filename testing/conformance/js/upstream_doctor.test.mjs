// `hubwire doctor upstream`: what it prints about a handler, what it says is wrong, and what it keeps to itself.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Authority } from "./support/certificates.mjs";
import { BareHandler, ExpressHandler, handlerTable } from "./support/handler.mjs";
import { DEVELOPMENT_KEY, binaryPath } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "hubwire-doctor-"));
const stops = [];
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all(stops.map((handler) => handler.stop()));
});

const TAKES = 'user_event_pattern = "*"\nsystem_events = ["connect", "connected", "disconnected"]';

/** Runs the command on settings; what it prints and how it ends. */
function doctor(settings, { args = [], env = {} } = {}) {
  const file = join(folder, "hubwire.toml");
  writeFileSync(file, settings);
  const all = ["doctor", "upstream", "--hub", "chat", "--config", file, ...args];
  return new Promise((resolve) => execFile(binaryPath(), all, { env: { ...process.env, ...env } }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr })));
}

async function bare(options) {
  const handler = await BareHandler.start(0, options);
  stops.push(handler);
  return handler;
}

/** The lines that begin with a mark, without it. */
const marked = (stdout, mark) => stdout.split("\n").map((line) => line.trim()).filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length).trim());
const problems = (stdout) => marked(stdout, "PROBLEM:");

async function findsOneProblem(settings, words, options) {
  const { code, stdout, stderr } = await doctor(settings, options);
  assert.equal(code, 1, stdout);
  assert.equal(stderr, "hubwire: 1 problem(s) found\n");
  const [problem, ...more] = problems(stdout);
  assert.deepEqual(more, []);
  for (const word of words) assert.match(problem, word);
  return stdout;
}

describe("of a handler that is right", () => {
  test("built with the official middleware, it says that all is well", async () => {
    const handler = await ExpressHandler.start("chat", {});
    stops.push(handler);
    const { code, stdout, stderr } = await doctor(handlerTable("chat", handler.urlTemplate, TAKES));
    assert.deepEqual([code, stderr, problems(stdout)], [0, "", []]);
    assert.equal(marked(stdout, "OK").length, 2);
    assert.match(stdout, /All is well\.\n$/);
  });

  test("it prints each header of request and answer, the bodies, and what was expected", async () => {
    const handler = await bare();
    handler.answer = () => ({ status: 200, headers: { "x-mine": "m" }, body: '{"userId":"u"}' });
    const { stdout } = await doctor(handlerTable("chat", handler.urlTemplate, TAKES));
    const [validation, connect] = handler.requests;
    for (const [request, line] of [[validation, `OPTIONS ${handler.url}/eventhandler/chat/validate`], [connect, `POST ${handler.url}/eventhandler/chat/connect`]]) {
      const printed = marked(stdout, ">");
      assert.ok(printed.includes(line), stdout);
      for (const [name, value] of Object.entries(request.headers)) {
        // These two are the transport's own.
        if (name !== "host" && name !== "content-length") assert.ok(printed.includes(`${name}: ${value}`), name);
      }
    }
    assert.ok(marked(stdout, ">").includes(connect.body.toString()), "the body of the request");
    const id = connect.headers["ce-connectionid"];
    assert.equal(connect.headers["ce-signature"], `sha256=${createHmac("sha256", DEVELOPMENT_KEY).update(id).digest("hex")}`);
    for (const line of ["HTTP/1.1 status 200 OK", "webhook-allowed-origin: *", "x-mine: m", '{"userId":"u"}']) assert.ok(marked(stdout, "<").includes(line), line);
    assert.match(stdout, /expected: status 2xx and a header `WebHook-Allowed-Origin: localhost`, or `WebHook-Allowed-Origin: \*`\. `localhost` is a guess/);
    assert.match(stdout, /expected: status 204, or 200 with JSON/);
  });

  test("secrets in URLs, headers, tokens and cookies are not shown", async () => {
    const handler = await bare();
    handler.answer = () => ({ status: 204, headers: { "set-cookie": "session=cookie-secret" } });
    const more = `${TAKES}\ncode = "code-secret"\nbearer_token = "token-secret"\nheaders = { x-key = "header-secret" }`;
    const { code, stdout, stderr } = await doctor(handlerTable("chat", `${handler.urlTemplate}?key=query-secret`, more));
    assert.equal(code, 0, stdout);
    assert.equal(handler.events[0].url, "/eventhandler/chat/connect?key=query-secret&code=code-secret");
    assert.equal(handler.events[0].headers.authorization, "Bearer token-secret");
    assert.equal(/secret/.test(stdout + stderr), false, stdout);
    for (const line of ["authorization: (not shown)", "x-key: (not shown)"]) assert.ok(marked(stdout, ">").includes(line), line);
  });

  test("the event is the one that is asked for, or one that the handler takes", async () => {
    const handler = await bare();
    for (const [takes, args, name] of [[TAKES, ["--event", "greet"], "greet"], ['user_event_pattern = "*"', [], "message"], ['system_events = ["disconnected"]', [], "disconnected"]]) {
      await doctor(handlerTable("chat", handler.urlTemplate, takes), { args });
      assert.equal(handler.events.at(-1).headers["ce-eventname"], name);
    }
  });
});

describe("of a handler that is wrong, it exits with 1 and says what to change:", () => {
  test("a wrong path", async () => {
    const handler = await ExpressHandler.start("chat", {});
    stops.push(handler);
    const { code, stdout } = await doctor(handlerTable("chat", `http://127.0.0.1:${handler.port}/wrong/{hub}/{event}`, TAKES));
    assert.equal(code, 1);
    const [validation, event] = problems(stdout);
    assert.match(validation, /no route for OPTIONS \/wrong\/chat\/validate.*the path of `url_template` must begin with it/);
    assert.match(event, /no route for POST \/wrong\/chat\/connect/);
    const order = stdout.split("\n").map((line) => line.trim()).filter((line) => /^[<>] (OPTIONS|GET|POST|HTTP)/.test(line)).map((line) => line.split(" ").slice(0, 2).join(" "));
    assert.deepEqual(order, ["> OPTIONS", "< HTTP/1.1", "> GET", "< HTTP/1.1", "> POST", "< HTTP/1.1"], "each answer behind its request");
  });

  test("no WebHook-Allowed-Origin", async () => {
    const handler = await bare();
    handler.validation = () => ({ status: 200 });
    const stdout = await findsOneProblem(handlerTable("chat", handler.urlTemplate, TAKES), [/the answer has no header WebHook-Allowed-Origin/, /AbuseProtectionResponseMissingAllowedOrigin/, /answer OPTIONS/]);
    assert.match(stdout, /the service does not send it as long as the validation fails/);
  });

  test("another origin", async () => {
    const handler = await bare();
    handler.validation = () => ({ status: 200, headers: { "WebHook-Allowed-Origin": "b.example" } });
    await findsOneProblem(`[upstream]\norigin = "a.example"\n${handlerTable("chat", handler.urlTemplate, TAKES)}`, [/allows `b\.example`, and this service says that it is `a\.example`/, /setting `upstream\.origin`/, /`allowedEndpoints` must contain `https:\/\/a\.example`/]);
  });

  test("nobody there", async () => {
    const handler = await BareHandler.start();
    await handler.stop();
    await findsOneProblem(handlerTable("chat", handler.urlTemplate, TAKES), [new RegExp(`127\\.0\\.0\\.1:${handler.port} cannot be reached: .*refused`, "i"), /Is the application running/]);
  });

  test("a certificate that is not trusted", async () => {
    const authority = new Authority();
    const handler = await bare({ create: (serve) => http2.createSecureServer({ ...authority.server(), allowHTTP1: true }, serve), scheme: "https" });
    await findsOneProblem(handlerTable("chat", handler.urlTemplate, TAKES), [/invalid peer certificate: UnknownIssuer/, /SSL_CERT_FILE/]);
    const { code, stdout } = await doctor(handlerTable("chat", handler.urlTemplate, TAKES), { env: { SSL_CERT_FILE: authority.file } });
    assert.equal(code, 0, stdout);
    assert.ok(marked(stdout, "<").includes("HTTP/2.0 status 204 No Content"), stdout);
  });

  test("https where http is spoken", async () => {
    const handler = await bare();
    const authority = new Authority();
    await findsOneProblem(handlerTable("chat", handler.urlTemplate.replace("http:", "https:"), TAKES), [/does not speak TLS: `url_template` should probably begin with http:\/\//], { env: { SSL_CERT_FILE: authority.file } });
  });

  for (const [name, answer, words] of [
    ["an event that is refused", { status: 401 }, [/refused the client/, /`ce-signature`/]],
    ["an event that is redirected", { status: 302, headers: { location: "/elsewhere" } }, [/redirects are not followed/]],
    ["an application that fails", { status: 500 }, [/its own log says why/]],
    ["an answer that is not understood", { status: 200, body: "welcome" }, [/its body is not JSON/]],
  ]) {
    test(name, async () => {
      const handler = await bare();
      handler.answer = () => answer;
      await findsOneProblem(handlerTable("chat", handler.urlTemplate, TAKES), words);
    });
  }

  test("no handler at all, and a hub that cannot be", async () => {
    const nobody = await doctor("");
    assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
    assert.match(nobody.stderr, /hub `chat` has no event handlers: add \[\[hubs\.chat\.event_handlers\]\]/);
    const wrong = await doctor("", { args: ["--hub", "a-b"] });
    assert.notEqual(wrong.code, 0);
  });
});
