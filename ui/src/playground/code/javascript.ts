import { type Samples, lines, list, quoted } from "./samples.ts";

export const javascript: Samples = {
  client: ({ url, group }) => ({
    install: "npm install @azure/web-pubsub-client",
    code: lines(
      'import { WebPubSubClient } from "@azure/web-pubsub-client";',
      "",
      `const client = new WebPubSubClient(${quoted(url)});`,
      'client.on("connected", (e) => console.log(`connected as ${e.connectionId}`));',
      'client.on("group-message", (e) => console.log(`${e.message.group}: ${e.message.data}`));',
      'client.on("server-message", (e) => console.log(e.message.data));',
      "await client.start();",
      `await client.joinGroup(${quoted(group)});`,
      `await client.sendToGroup(${quoted(group)}, "hello", "text");`,
    ),
  }),
  server: ({ connectionString, isInsecure, hub, user, roles, groups, minutes, group }) => ({
    install: "npm install @azure/web-pubsub",
    code: lines(
      'import { WebPubSubServiceClient } from "@azure/web-pubsub";',
      "",
      "const service = new WebPubSubServiceClient(",
      `  ${quoted(connectionString)},`,
      `  ${quoted(hub)},`,
      isInsecure && "  { allowInsecureConnection: true }, // plain http has to be meant",
      ");",
      "",
      "const { url } = await service.getClientAccessToken({",
      user !== "" && `  userId: ${quoted(user)},`,
      `  roles: [${list(roles)}],`,
      groups.length > 0 && `  groups: [${list(groups)}],`,
      `  expirationTimeInMinutes: ${minutes},`,
      "});",
      "console.log(url);",
      `await service.group(${quoted(group)}).sendToAll("hello", { contentType: "text/plain" });`,
    ),
  }),
};
