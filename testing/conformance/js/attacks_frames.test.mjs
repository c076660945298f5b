import { attackTests } from "./support/attack.mjs";
import { FRAME_ATTACKS } from "./attacks/frames.mjs";

attackTests("frames", FRAME_ATTACKS);
