// The golden frames, read and written by an encoder that knows nothing but the published schema.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { Downstream, Upstream } from "./support/protobuf_client.mjs";

const FOLDER = fileURLToPath(new URL("../../golden/", import.meta.url));
const SUFFIX = ".protobuf.hex";

function files(side) {
  return readdirSync(FOLDER + side).filter((name) => name.endsWith(SUFFIX));
}

function bytes(path) {
  const lines = readFileSync(FOLDER + path, "utf8").split("\n").filter((line) => !line.startsWith("#"));
  return Buffer.from(lines.join("").replace(/\s/g, ""), "hex");
}

const plain = (type, message) => type.toObject(message, { longs: String, bytes: String });

describe("what clients send", () => {
  for (const name of files("client")) {
    test(`${name} is what the schema makes of its own words`, () => {
      const said = JSON.parse(readFileSync(`${FOLDER}client/${name}`, "utf8").split("\n")[0].slice(2));
      assert.deepEqual(plain(Upstream, Upstream.decode(bytes(`client/${name}`))), said);
      assert.deepEqual(Buffer.from(Upstream.encode(Upstream.fromObject(said)).finish()), bytes(`client/${name}`));
    });
  }
});

describe("what the service sends", () => {
  for (const name of files("service").filter((one) => !one.includes(".reliable."))) {
    test(`${name} is read, and written again byte for byte`, () => {
      const frame = bytes(`service/${name}`);
      const said = plain(Downstream, Downstream.decode(frame));
      assert.equal(Object.keys(said).length, 1, "exactly one member is set");
      assert.deepEqual(Buffer.from(Downstream.encode(Downstream.fromObject(said)).finish()), frame);
    });
  }

  for (const name of files("service").filter((one) => one.includes(".reliable."))) {
    test(`${name} says the same as the plain one, as number 300`, () => {
      const numbered = plain(Downstream, Downstream.decode(bytes(`service/${name}`)));
      const unnumbered = plain(Downstream, Downstream.decode(bytes(`service/${name.replace(".reliable", "")}`)));
      const [[member, inner]] = Object.entries(numbered);
      assert.equal(inner.sequence_id, "300");
      delete inner.sequence_id;
      assert.deepEqual({ [member]: inner }, unnumbered);
    });
  }
});
