import { type Samples, lines, list, quoted } from "./samples.ts";

export const csharp: Samples = {
  client: ({ url, group }) => ({
    install: "dotnet add package Azure.Messaging.WebPubSub.Client",
    code: lines(
      "using Azure.Messaging.WebPubSub.Clients;",
      "",
      `await using var client = new WebPubSubClient(new Uri(${quoted(url)}));`,
      "client.Connected += e => { Console.WriteLine($\"connected as {e.ConnectionId}\"); return Task.CompletedTask; };",
      "client.GroupMessageReceived += e => { Console.WriteLine($\"{e.Message.Group}: {e.Message.Data}\"); return Task.CompletedTask; };",
      "client.ServerMessageReceived += e => { Console.WriteLine(e.Message.Data); return Task.CompletedTask; };",
      "await client.StartAsync();",
      `await client.JoinGroupAsync(${quoted(group)});`,
      `await client.SendToGroupAsync(${quoted(group)}, BinaryData.FromString("hello"), WebPubSubDataType.Text);`,
      "Console.ReadLine();",
    ),
  }),
  server: ({ connectionString, hub, user, roles, groups, minutes, group }) => ({
    install: "dotnet add package Azure.Messaging.WebPubSub",
    code: lines(
      "using Azure.Core;",
      "using Azure.Messaging.WebPubSub;",
      "",
      "var service = new WebPubSubServiceClient(",
      `    ${quoted(connectionString)},`,
      `    ${quoted(hub)});`,
      "",
      "var url = service.GetClientAccessUri(",
      `    TimeSpan.FromMinutes(${minutes}),`,
      user !== "" && `    userId: ${quoted(user)},`,
      groups.length > 0 && `    groups: new[] { ${list(groups)} },`,
      `    roles: new string[] { ${list(roles)} });`,
      "Console.WriteLine(url);",
      `await service.SendToGroupAsync(${quoted(group)}, "hello", ContentType.TextPlain);`,
    ),
  }),
};
