import type { Message } from "../api/contract.ts";

/** A payload on one line. */
export function payloadLine({ payload, payloadTruncated }: Message) {
  if (payload === undefined) return "(hidden by the setting payloads)";
  return payloadTruncated ? `${payload}…` : payload;
}

/** A payload to be read. */
export function payloadText({ payload, payloadTruncated, dataType }: Message) {
  if (payload === undefined) return undefined;
  if (payloadTruncated) return `${payload}…`;
  if (dataType !== "json") return payload;
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    // The service passes on what it was given; what does not parse is shown as it is.
    return payload;
  }
}
