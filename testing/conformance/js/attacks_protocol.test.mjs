import { attackTests } from "./support/attack.mjs";
import { PROTOCOL_ATTACKS } from "./attacks/protocol.mjs";

attackTests("messages of clients", PROTOCOL_ATTACKS);
