import { attackTests } from "./support/attack.mjs";
import { TOKEN_ATTACKS } from "./attacks/tokens.mjs";

attackTests("tokens and other sites", TOKEN_ATTACKS);
