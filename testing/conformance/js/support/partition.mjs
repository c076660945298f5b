// Ways to a NATS server that can be parted without a word, as a network does: nothing arrives any more, and nobody is told.
import { execFileSync } from "node:child_process";
import { Nats } from "./nats.mjs";
import { Proxy } from "./proxy.mjs";

const ip = (...args) => execFileSync("ip", args, { stdio: "pipe" });

/** Why this machine gives no network namespaces; undefined where it does. */
function whyNoNamespaces() {
  const name = `hubwire-try-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return undefined;
  } catch (error) {
    return error.stderr?.toString().trim() || error.message;
  }
}

/** NATS in a network namespace of its own. Each way is a pair of virtual Ethernet devices, of which one is taken down. */
class Namespace {
  static #count = 0;
  #ways;

  static async start(ways) {
    const namespace = new Namespace();
    const number = (Namespace.#count += 1);
    namespace.name = `hubwire-${process.pid}-${number}`;
    ip("netns", "add", namespace.name);
    process.on("exit", () => namespace.#remove());
    // NATS names its port by the addresses that it has.
    const addresses = Array.from({ length: ways }, (_, way) => namespace.#connect(`${process.pid}n${number}w${way}`, number, way));
    namespace.nats = await Nats.start({ within: ["ip", "netns", "exec", namespace.name], args: ["-a", "0.0.0.0"] });
    namespace.#ways = addresses.map(({ address, far }) => ({
      url: `nats://${address}:${namespace.nats.port}`,
      part: () => ip("-n", namespace.name, "link", "set", far, "down"),
      heal: () => ip("-n", namespace.name, "link", "set", far, "up"),
    }));
    return namespace;
  }

  get ways() {
    return this.#ways;
  }

  #connect(device, number, way) {
    const [near, far] = [`a${device}`, `b${device}`];
    // Test files run in parallel, each in a process of its own.
    const network = `10.${64 + (process.pid % 64)}.${(number * 8 + way) % 256}`;
    ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", this.name);
    ip("addr", "add", `${network}.1/30`, "dev", near);
    ip("-n", this.name, "addr", "add", `${network}.2/30`, "dev", far);
    ip("link", "set", near, "up");
    ip("-n", this.name, "link", "set", far, "up");
    return { address: `${network}.2`, far };
  }

  /** Its devices go with it. */
  #remove() {
    if (this.name) execFileSync("ip", ["netns", "del", this.name], { stdio: "ignore" });
    this.name = undefined;
  }

  async stop() {
    await this.nats.stop();
    this.#remove();
  }
}

/** NATS on this machine's loopback interface. Each way is a proxy that falls silent. */
class Proxies {
  #proxies;

  static async start(ways) {
    const proxies = new Proxies();
    proxies.nats = await Nats.start();
    proxies.#proxies = await Promise.all(Array.from({ length: ways }, () => Proxy.before(proxies.nats)));
    return proxies;
  }

  get ways() {
    return this.#proxies.map((proxy) => ({ url: `nats://127.0.0.1:${proxy.port}`, part: () => proxy.stall(), heal: () => proxy.flow() }));
  }

  async stop() {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await this.nats.stop();
  }
}

/** The networks that this machine has, by their names in tests; it says so if one is missing. */
export function networks() {
  const why = whyNoNamespaces();
  if (why) console.warn(`network namespaces: not tested, since this machine does not allow them (${why})`);
  return [["behind a proxy that falls silent", Proxies], ...(why ? [] : [["by network namespaces", Namespace]])];
}
