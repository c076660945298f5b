// What lets a node in at a NATS server with an operator: an account, its users, and their credentials, made and signed here.
import { randomUUID } from "node:crypto";
import { createAccount, createOperator, createUser } from "nkeys.js";

const UNLIMITED = -1;
const encode = (value) => Buffer.from(value).toString("base64url");
const text = (bytes) => Buffer.from(bytes).toString("utf8");

/** A signed statement about `subject`, as NATS defines them: a JWT over an NKey's signature. */
function claim(issuer, subject, type, rest) {
  const claims = { jti: randomUUID(), iat: Math.floor(Date.now() / 1000), iss: issuer.getPublicKey(), name: type, sub: subject.getPublicKey(), nats: { ...rest, type, version: 2 } };
  const body = `${encode(JSON.stringify({ typ: "JWT", alg: "ed25519-nkey" }))}.${encode(JSON.stringify(claims))}`;
  return `${body}.${encode(issuer.sign(Buffer.from(body)))}`;
}

/** An operator with one account. */
export class Operator {
  #operator = createOperator();
  #account = createAccount();

  /** The lines of a server's configuration that make it trust this operator. */
  get serverSettings() {
    const limits = Object.fromEntries(["subs", "data", "payload", "imports", "exports", "conn", "leaf"].map((name) => [name, UNLIMITED]));
    const account = claim(this.#operator, this.#account, "account", { limits: { ...limits, wildcards: true } });
    const operator = claim(this.#operator, this.#operator, "operator", {});
    return `operator: ${operator}\nresolver: MEMORY\nresolver_preload: { ${this.#account.getPublicKey()}: ${account} }\n`;
  }

  /** The text of the credentials file of a new user of the account. */
  credentials() {
    const user = createUser();
    const jwt = claim(this.#account, user, "user", { pub: {}, sub: {}, subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED });
    return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`;
  }
}

/** A user that is known by its key alone: what the server is to know of it, and the seed that stays with the node. */
export function keyUser() {
  const user = createUser();
  return { publicKey: user.getPublicKey(), seed: text(user.getSeed()) };
}
