// A small TCP proxy before the server: it can cut, stall, refuse and count.
import { once } from "node:events";
import net from "node:net";
import { until } from "./deadline.mjs";

export class Proxy {
  #listener;
  #pairs = new Set();
  #target;
  #refusing = false;
  #stalled = false;

  /** Connections accepted since the start, refused ones not counted. */
  accepted = 0;
  /** Connections refused since the start. */
  refused = 0;
  /** Bytes passed to the clients. */
  bytesToClients = 0;

  static async before(server) {
    const proxy = new Proxy();
    proxy.#target = server.port;
    proxy.#listener = net.createServer((client) => proxy.#accept(client));
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    proxy.port = proxy.#listener.address().port;
    return proxy;
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#refusing) {
      this.refused += 1;
      client.destroy();
      return;
    }
    this.accepted += 1;
    const upstream = net.connect({ port: this.#target, host: "127.0.0.1", noDelay: true });
    client.setNoDelay(true);
    upstream.on("error", () => {});
    const pair = { client, upstream };
    this.#pairs.add(pair);
    client.on("data", (data) => upstream.write(data));
    upstream.on("data", (data) => {
      this.bytesToClients += data.length;
      // A stalled client must press back on the server, as a slow network does.
      if (!client.write(data)) upstream.pause();
    });
    client.on("drain", () => this.#stalled || upstream.resume());
    client.on("end", () => upstream.end());
    upstream.on("end", () => client.end());
    client.on("close", () => this.#drop(pair));
    upstream.on("close", () => this.#drop(pair));
    if (this.#stalled) this.#pause(pair);
  }

  #drop(pair) {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.upstream.destroy();
  }

  #pause(pair) {
    pair.client.pause();
    pair.upstream.pause();
  }

  /** Connections open now. */
  get open() {
    return this.#pairs.size;
  }

  /** Breaks every connection on both sides, without a close frame. Returns how many there were. */
  cut() {
    const count = this.#pairs.size;
    for (const pair of [...this.#pairs]) this.#drop(pair);
    return count;
  }

  /** Breaks only the client's side; the server goes on believing in its own. */
  cutClients() {
    for (const { client } of this.#pairs) {
      client.removeAllListeners("close");
      client.removeAllListeners("end");
      client.destroy();
    }
  }

  /** From now on new connections are dropped at once. */
  refuse() {
    this.#refusing = true;
  }

  admit() {
    this.#refusing = false;
  }

  /** Passes nothing on in either direction, but keeps the connections. */
  stall() {
    this.#stalled = true;
    this.#pairs.forEach((pair) => this.#pause(pair));
  }

  /** Passes nothing on over the connections that there are, as a network that went away without a word; new ones are not touched. */
  freeze() {
    this.#pairs.forEach((pair) => this.#pause(pair));
  }

  flow() {
    this.#stalled = false;
    for (const { client, upstream } of this.#pairs) {
      client.resume();
      upstream.resume();
    }
  }

  async untilRefused(count) {
    await until(() => this.refused >= count, `${count} refused connections`);
  }

  async stop() {
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
