// The console's page in headless Chromium: what a person sees and presses.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "node:test";
import { chromium } from "playwright-core";
import { DEADLINE_MS } from "./deadline.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FOLDERS = (process.env.PATH ?? "").split(delimiter);
const CHROMIUM = process.env.HUBWIRE_CHROMIUM ?? FOLDERS.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(existsSync);
/** `cargo xtask test` installs the browser where it may; elsewhere a machine without it still has to pass. */
export const withChromium = CHROMIUM ? describe : (name) => console.warn(`${name}: not tested, since there is no Chromium; on Debian: apt-get install chromium`);

/** Chromium writes these for every refusal and broken line, which the page shows in its own words. */
const EXPECTED = [/^Failed to load resource/, /^WebSocket connection to .* failed/];

export class Browser {
  #browser;

  static async start() {
    const browser = new Browser();
    // The sandbox of Chromium does not work for root, which is who builds in containers.
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    browser.#browser = await chromium.launch({ executablePath: CHROMIUM, args });
    return browser;
  }

  /** Opens the console of a server. `allowed` are other hosts that it may lead to; `viewport` and the like are options of the browser's context. */
  async open(server, route = "", { allowed = [], ...options } = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.some((pattern) => pattern.test(message.text()))) problems.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith("http") && host !== server.host && !allowed.includes(host)) problems.push(`request to ${host}`);
    });
    const console_ = new ConsolePage(page, context, server, problems);
    await console_.go(route);
    return console_;
  }

  /** A page of its own at any address. */
  async page(url, options = {}) {
    const page = await this.#browser.newPage(options);
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(url);
    return page;
  }

  stop() {
    return this.#browser.close();
  }
}

/** One tab with the console. */
class ConsolePage {
  #context;
  #server;
  #problems;

  constructor(page, context, server, problems) {
    this.page = page;
    this.#context = context;
    this.#server = server;
    this.#problems = problems;
  }

  /** Goes to a route of the page, such as `trace?hub=chat`. */
  async go(route) {
    this.response = await this.page.goto(`http://${this.#server.host}/console/#/${route}`);
  }

  allow(...permissions) {
    return this.#context.grantPermissions(permissions, { origin: `http://${this.#server.host}` });
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true });
  }

  /** A field by its label. */
  field(label, within = this.page) {
    return within.getByLabel(label, { exact: true });
  }

  /** One of few: a radio button by the name of its group and its own. */
  choose(group, name, within = this.page) {
    return within.getByRole("radiogroup", { name: group }).getByRole("radio", { name, exact: true }).check();
  }

  see(text, within = this.page) {
    return within.getByText(text).first().waitFor();
  }

  /** Closes the tab. Nothing may have gone wrong in it that it did not say. */
  async close() {
    await this.#context.close();
    assert.deepEqual(this.#problems, []);
  }
}
