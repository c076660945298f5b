// The work of throughput.rs with the JavaScript client: node throughput.mjs [MESSAGES] [PUBLISHERS] [reliable]
//
// Needs `npm install @azure/web-pubsub @azure/web-pubsub-client` where it is run.
import { readFileSync } from "node:fs";
import { WebPubSubServiceClient } from "@azure/web-pubsub";
import { WebPubSubClient, WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol } from "@azure/web-pubsub-client";

const GROUP = "throughput";
const IN_FLIGHT = 16;
const connectionString =
  process.env.WEBPUBSUB_CONNECTION_STRING ??
  "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";
const messages = Number(process.argv[2] ?? 100_000);
const publishers = Math.max(1, Number(process.argv[3] ?? 1));
const service = new WebPubSubServiceClient(connectionString, "chat", { allowInsecureConnection: true });

async function connect(userId) {
  const roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
  const { url } = await service.getClientAccessToken({ userId, roles });
  const reliable = process.argv.includes("reliable");
  const protocol = reliable ? WebPubSubJsonReliableProtocol() : WebPubSubJsonProtocol();
  const client = new WebPubSubClient(url, { protocol });
  await client.start();
  return client;
}

async function publish(client, share) {
  const text = "x".repeat(64);
  let sent = 0;
  const one = async () => {
    while (sent < share) {
      sent += 1;
      await client.sendToGroup(GROUP, text, "text");
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

const receiver = await connect("receiver");
let received = 0;
const done = new Promise((resolve) => {
  receiver.on("group-message", () => {
    received += 1;
    if (received === messages) resolve();
  });
});
receiver.on("disconnected", () => console.log("the session is lost"));
await receiver.joinGroup(GROUP);

const started = performance.now();
const cpuBefore = process.cpuUsage();
for (let number = 0; number < publishers; number += 1) {
  const share = Math.floor(messages / publishers) + (number < messages % publishers ? 1 : 0);
  publish(await connect(`publisher${number}`), share).catch((error) => console.log(`not sent: ${error}`));
}
await done;
const seconds = (performance.now() - started) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const peak = /VmHWM:\s*(.*)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "unknown";
const rate = (received / seconds).toFixed(0);
const cpuSeconds = ((cpu.user + cpu.system) / 1e6).toFixed(2);
console.log(`${received} messages, ${rate} messages/s, ${cpuSeconds} s CPU, peak RSS ${peak}`);
process.exit(0);
