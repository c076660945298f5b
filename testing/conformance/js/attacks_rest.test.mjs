import { attackTests } from "./support/attack.mjs";
import { REST_ATTACKS } from "./attacks/rest.mjs";

attackTests("REST and HTTP/2", REST_ATTACKS);
