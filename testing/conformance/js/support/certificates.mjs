// Certificates of an authority that exists for one test only, made by openssl.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DAYS = "2";

/** An authority, and certificates that it signs. `file` is what SSL_CERT_FILE is to name. */
export class Authority {
  #folder = mkdtempSync(join(tmpdir(), "hubwire-ca-"));
  #count = 0;

  constructor() {
    process.on("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
    this.file = join(this.#folder, "ca.pem");
    this.#openssl("req", "-x509", ...this.#key("ca"), "-out", this.file, "-days", DAYS, "-subj", `/CN=Test authority ${randomUUID()}`, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign");
  }

  #openssl(...args) {
    execFileSync("openssl", args, { stdio: "pipe" });
  }

  #key(name) {
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", join(this.#folder, `${name}.key`)];
  }

  /** Writes key and certificate where a service can read them, in place of earlier ones of the same name; answers their files. */
  write(name, { key, cert }) {
    const files = { key: join(this.#folder, `${name}-key.pem`), cert: join(this.#folder, `${name}-cert.pem`) };
    writeFileSync(files.key, key);
    writeFileSync(files.cert, cert);
    return files;
  }

  /** Key and certificate of a client. */
  client() {
    return this.#issue("client", "extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n");
  }

  /** Key and certificate of a server under these names, such as `IP:127.0.0.1` or `DNS:localhost`. */
  server(names = "IP:127.0.0.1,DNS:localhost") {
    return this.#issue("server", `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`);
  }

  #issue(kind, extensions) {
    const name = `${kind}${(this.#count += 1)}`;
    const file = (end) => join(this.#folder, `${name}.${end}`);
    writeFileSync(file("ext"), extensions);
    this.#openssl("req", "-new", ...this.#key(name), "-out", file("csr"), "-subj", `/CN=Test ${kind}`);
    this.#openssl("x509", "-req", "-in", file("csr"), "-CA", this.file, "-CAkey", join(this.#folder, "ca.key"), "-CAcreateserial", "-out", file("pem"), "-days", DAYS, "-extfile", file("ext"));
    return { key: readFileSync(file("key")), cert: readFileSync(file("pem")) };
  }
}
