/** What a kind is called in the narrow column, in the order in which the filter shows them. */
export const KIND_GROUPS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "Connections",
    [
      ["connectionOpened", "opened"],
      ["connectionLost", "lost"],
      ["connectionRecovered", "recovered"],
      ["connectionClosed", "closed"],
    ],
  ],
  [
    "Refusals and losses",
    [
      ["connectionRefused", "refused"],
      ["recoveryRefused", "no recovery"],
      ["requestRefused", "request refused"],
      ["invalidMessage", "invalid"],
      ["slowConsumer", "slow consumer"],
      ["messageDropped", "dropped"],
    ],
  ],
  [
    "Messages",
    [
      ["publish", "publish"],
      ["delivery", "delivery"],
    ],
  ],
  [
    "Groups and permissions",
    [
      ["groupJoined", "joined"],
      ["groupLeft", "left"],
      ["permissionGranted", "granted"],
      ["permissionRevoked", "revoked"],
    ],
  ],
  [
    "Calls",
    [
      ["restCall", "REST"],
      ["upstreamCall", "upstream"],
    ],
  ],
];

const NAMES = new Map(KIND_GROUPS.flatMap(([, kinds]) => kinds));

export const kindName = (kind: string) => NAMES.get(kind) ?? kind;
