// What the console's API answers, as docs/console.md says. Members that are not known are left out; new ones may come.

export type Role = "operator" | "viewer";

export interface Session {
  role: Role;
  how: "open" | "token" | "bearer" | "openid" | string;
  /** What somebody is called who signed in elsewhere. */
  name?: string;
}

/** How people can get in. */
export interface SignInWays {
  /** Whether there are console tokens. */
  token: boolean;
  openid?: {
    name: string;
    /** Where it begins, below the page's own address. */
    start: string;
    /** The page's other address, if people sign in only there. */
    place?: string;
  };
  /** Why the last try of this browser failed. */
  refusal?: string;
}

export interface Recording {
  on: boolean;
  /** Milliseconds since 1970. */
  since?: number;
  always: boolean;
}

export interface Overview {
  version: string;
  startedAt: number;
  now: number;
  endpoint: string;
  workers: number;
  connections: number;
  developmentKey?: boolean;
  payloads: "hidden" | "truncated" | "shown" | string;
  recording: Recording;
  viewers: number;
  viewersMax: number;
}

export interface TraceEvent {
  seq: number;
  time: number;
  kind: string;
  level: "info" | "warning" | string;
  text: string;
  worker?: number;
  /** The node of the cluster, if there are several. */
  node?: string;
  /** It is of another node, whose numbers are others. */
  elsewhere?: boolean;
  hub?: string;
  group?: string;
  user?: string;
  connection?: string;
  detail?: Record<string, unknown>;
}

export interface TraceStatus {
  dropped: number;
  sourceDropped: number;
  viewers: number;
  recording: Recording;
  lastSeq: number;
}

export interface Message {
  message: string;
  time: number;
  hub: string;
  target: { kind: "hub" | "group" | "user" | "connection" | string; name?: string };
  source: { kind: "client" | "rest" | "console" | "stream" | "handler" | string; connection?: string; user?: string };
  dataType: string;
  bytes: number;
  /** The text, the JSON document, or base64. */
  payload?: string;
  payloadTruncated?: boolean;
  filter?: string;
  excluded?: number;
  noEcho?: boolean;
  ttlSeconds?: number;
  /** The trace of OpenTelemetry that its publisher was in. */
  traceId?: string;
  delivery?: Delivery;
}

export interface Delivery {
  recipients: number;
  delivered: number;
  excluded: number;
  filtered: number;
  skipped: number;
  overflowed: number;
}

export interface Messages {
  messages: Message[];
  recording: Recording;
}

export interface Answer {
  /** The node of the cluster that answers, if there are several. */
  node?: string;
  connection?: string;
  user?: string;
  rule: string;
  arrived: boolean | null;
  text: string;
  time?: number;
  detail?: Record<string, unknown>;
}

export interface Why {
  message: Message | null;
  answers: Answer[];
  related: TraceEvent[];
  moreAnswers: number;
  recording: Recording;
  nodes?: Nodes;
}

/** Which nodes of the cluster an answer is of. */
export interface Nodes {
  answered: string[];
  silent: string[];
}

export interface Page<Item> {
  items: Item[];
  next?: string;
  /** Which nodes of the cluster the page is of, if there are several. */
  nodes?: Nodes;
}

/** A node of the cluster, or the only one. Of one that does not answer nothing but its name is known. */
export interface Node {
  node?: string;
  silent?: boolean;
  endpoint?: string;
  version?: string;
  startedAt?: number;
  workers?: number;
  connections?: number;
  standing?: { interests: number; backlogFrames: number; backlogBytes: number };
}

export interface Hub {
  name: string;
  connections: number;
  groups: number;
  users: number;
}

/** A group or a user. */
export interface Named {
  name: string;
  connections: number;
}

export interface Connection {
  connection: string;
  user?: string;
  protocol: string;
  openedAt: number;
  node?: string;
  worker: number;
  attached: boolean;
  groupCount: number;
  groups: string[];
  permissions: string[];
  denied?: string[];
  waitingMessages: number;
  waitingBytes: number;
  unacknowledged?: number;
  sequenceId?: number;
}

export interface ActionResult {
  result: "done" | "missing" | "limitReached" | string;
  message?: string;
}

export interface ClientUrl {
  url: string;
  expiresAt: number;
  subprotocols: string[];
}

export interface Series {
  stepMs: number;
  times: number[];
  series: Record<string, (number | null)[]>;
}
