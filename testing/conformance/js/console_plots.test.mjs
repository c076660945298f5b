// The plots of the last hour.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, withChromium } from "./support/browser.mjs";
import { until } from "./support/deadline.mjs";
import { RawClient } from "./support/raw_client.mjs";
import { startServer } from "./support/server.mjs";

const CHARTS = ["Connections", "Messages", "Bytes", "Delivery latency", "Upstream latency", "Upstream calls", "REST calls", "Refused", "Memory"];
/** A step of the series is five seconds; two of them must have passed for a line. */
const SERIES_DEADLINE_MS = 30_000;

withChromium("the plots", () => {
  let server;
  let browser;
  before(async () => {
    server = await startServer();
    browser = await Browser.start();
  });
  after(async () => {
    await browser.stop();
    await server.stop();
  });

  /** How many pixels of a chart have been painted. */
  const painted = (tab, title) =>
    tab.page.getByRole("region", { name: title, exact: true }).locator("canvas").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    });

  test("show what the service does, in numbers and lines, and in words for those who do not see them", async () => {
    const hub = server.hub("plots");
    const client = await RawClient.json(server, hub, { groups: ["room"] });
    const tab = await browser.open(server, "plots");
    const image = (title) => tab.page.getByRole("region", { name: title, exact: true }).getByRole("img");
    const words = (title) => image(title).getAttribute("aria-label");
    await until(async () => (await image("Connections").count()) > 0 && /open: now 1,/.test(await words("Connections")), "the connection in its plot", SERIES_DEADLINE_MS);
    assert.deepEqual(await tab.page.getByRole("region").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label"))), CHARTS);
    assert.match(await words("Memory"), /resident: now [\d.]+ MiB/);
    for (const title of CHARTS) assert.ok((await painted(tab, title)) > 0, `${title} is empty`);
    await until(
      async () => {
        await client.publish("room", "x");
        return /p50: now [\d.]+ ms/.test(await words("Delivery latency"));
      },
      "a delivery in its plot",
      SERIES_DEADLINE_MS,
    );
    await tab.choose("Range", "1 h");
    await until(async () => (await painted(tab, "Memory")) > 0, "the plot of an hour");
    await tab.close();
    await client.close(1000);
  });
});
