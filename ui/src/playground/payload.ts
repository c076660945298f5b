import { fromHex, toBase64 } from "./bytes.ts";
import { any } from "./protobuf.ts";

export type DataType = "text" | "json" | "binary" | "protobuf";

/** What each type looks like, to begin with. */
export const EXAMPLES: Record<DataType, string> = { text: "hello", json: '{ "hello": "world" }', binary: "68 65 6c 6c 6f", protobuf: "0a 05 68 65 6c 6c 6f" };

/** `data` as a request carries it. */
export function requestData(dataType: DataType, text: string, typeUrl: string): unknown {
  switch (dataType) {
    case "text":
      return text;
    case "json":
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new Error(`The data is no JSON: ${(error as Error).message}`);
      }
    case "binary":
      return toBase64(fromHex(text));
    case "protobuf":
      return toBase64(any(typeUrl, fromHex(text)));
  }
}
