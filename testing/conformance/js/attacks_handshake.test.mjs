import { attackTests } from "./support/attack.mjs";
import { HANDSHAKE_ATTACKS } from "./attacks/handshake.mjs";

attackTests("requests and handshakes", HANDSHAKE_ATTACKS);
