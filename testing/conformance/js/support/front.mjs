// One address before several nodes: each new socket goes to the next one that lives, as a load balancer would have it.
import { once } from "node:events";
import net from "node:net";

export class Front {
  #listener;
  #turn = 0;

  /** `nodes` answers the nodes of the moment. */
  static async before(nodes) {
    const front = new Front();
    front.#listener = net.createServer({ noDelay: true }, (client) => front.#accept(client, nodes()));
    front.#listener.listen(0, "127.0.0.1");
    await once(front.#listener, "listening");
    front.port = front.#listener.address().port;
    return front;
  }

  #accept(client, nodes) {
    client.on("error", () => {});
    const alive = nodes.filter((node) => node.alive && !node.leaving);
    const node = alive[this.#turn++ % alive.length];
    if (!node) return client.destroy();
    const upstream = net.connect({ port: node.port, host: "127.0.0.1", noDelay: true });
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroySoon());
    client.on("close", () => upstream.destroySoon());
    client.pipe(upstream).pipe(client);
  }

  async stop() {
    this.#listener.close();
  }
}
