/** Each rule in a few words; the sentence that the service gives says the rest. */
const RULES: Record<string, string> = {
  acknowledged: "Acknowledged",
  unacknowledged: "Delivered, not acknowledged yet",
  written: "Written to the socket",
  waiting: "Waiting in the queue",
  lost: "Lost with the connection",
  notInGroup: "Not in the group",
  otherUser: "For another user",
  otherConnection: "For another connection",
  otherHub: "In another hub",
  excluded: "Excluded by id",
  noEcho: "Own message, without echo",
  filtered: "Left out by the filter",
  skipped: "Nothing in it for this protocol",
  ttlPassed: "Time to live passed",
  outboxFull: "Queue full",
  windowFull: "Window full",
  sessionExpired: "Session expired",
  connectionEnded: "Connection had ended",
  notYetConnected: "Not yet connected",
  noPermission: "Publisher may not send",
  refused: "Publish refused",
  neverPublished: "Never published",
  unknownConnection: "No such connection",
  notRecorded: "Not recorded",
};

export const ruleName = (rule: string) => RULES[rule] ?? rule;
