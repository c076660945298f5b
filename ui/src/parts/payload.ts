import type { Message } from "../api/contract.ts";

/** A payload on one line. */
export function payloadLine(message: Message) {
  if (message.payload === undefined) return "(hidden by the setting payloads)";
  const text = typeof message.payload === "string" ? message.payload : JSON.stringify(message.payload);
  return message.payloadTruncated ? `${text}…` : text;
}

/** A payload to be read. */
export function payloadText(message: Message) {
  const { payload } = message;
  if (payload === undefined) return undefined;
  if (typeof payload !== "string") return JSON.stringify(payload, null, 2);
  if (message.dataType === "json" && !message.payloadTruncated) {
    try {
      return JSON.stringify(JSON.parse(payload), null, 2);
    } catch {
      // The service passes on what it was given; what does not parse is shown as it is.
    }
  }
  return message.payloadTruncated ? `${payload}…` : payload;
}
