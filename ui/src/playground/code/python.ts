import { type Samples, lines, list, quoted } from "./samples.ts";

export const python: Samples = {
  client: ({ url, group }) => ({
    install: "pip install azure-messaging-webpubsubclient",
    code: lines(
      "from azure.messaging.webpubsubclient import WebPubSubClient",
      "from azure.messaging.webpubsubclient.models import CallbackType, WebPubSubDataType",
      "",
      `client = WebPubSubClient(${quoted(url)})`,
      'client.subscribe(CallbackType.CONNECTED, lambda e: print("connected as", e.connection_id))',
      "client.subscribe(CallbackType.GROUP_MESSAGE, lambda e: print(e.group, e.data))",
      "client.subscribe(CallbackType.SERVER_MESSAGE, lambda e: print(e.data))",
      "with client:",
      `    client.join_group(${quoted(group)})`,
      `    client.send_to_group(${quoted(group)}, "hello", WebPubSubDataType.TEXT)`,
      '    input("Enter ends the client. ")',
    ),
  }),
  server: ({ connectionString, hub, user, roles, groups, minutes, group }) => ({
    install: "pip install azure-messaging-webpubsubservice",
    code: lines(
      "from azure.messaging.webpubsubservice import WebPubSubServiceClient",
      "",
      "service = WebPubSubServiceClient.from_connection_string(",
      `    ${quoted(connectionString)},`,
      `    hub=${quoted(hub)},`,
      ")",
      "",
      "token = service.get_client_access_token(",
      user !== "" && `    user_id=${quoted(user)},`,
      `    roles=[${list(roles)}],`,
      groups.length > 0 && `    groups=[${list(groups)}],`,
      `    minutes_to_expire=${minutes},`,
      ")",
      'print(token["url"])',
      `service.send_to_group(${quoted(group)}, "hello", content_type="text/plain")`,
    ),
  }),
};
