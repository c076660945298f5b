// Three NATS servers that are one: each stream is kept by all of them, and one of them, its leader, takes what is to be stored.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { until } from "./deadline.mjs";
import { Nats } from "./nats.mjs";
import { freePorts } from "./port.mjs";

/** Longer than servers take to choose a leader, on a busy machine. */
const LEADER_MS = 30_000;

export class NatsCluster {
  static async start(count = 3) {
    const cluster = new NatsCluster();
    cluster.folder = mkdtempSync(join(tmpdir(), "hubwire-nats-cluster-"));
    const ports = await freePorts(2 * count);
    cluster.places = Array.from({ length: count }, (_, index) => ({ port: ports[2 * index], route: ports[2 * index + 1] }));
    cluster.servers = await Promise.all(cluster.places.map((_, index) => cluster.#startServer(index)));
    await until(() => cluster.#ask((manager) => manager.getAccountInfo()), "JetStream of all servers", LEADER_MS);
    return cluster;
  }

  async #startServer(index) {
    const { port, route } = this.places[index];
    const routes = this.places.map((place) => `nats://127.0.0.1:${place.route}`).join(",");
    const folder = mkdtempSync(join(this.folder, `n${index}-`));
    const args = ["-n", `n${index}`, "-js", "-sd", join(this.folder, `store${index}`), "--cluster_name", "tests", "--cluster", `nats://127.0.0.1:${route}`, "--routes", routes];
    return Nats.start({ folder, port, args });
  }

  get urls() {
    return this.servers.map(({ url }) => url);
  }

  /** Asks JetStream something by way of any server that lives; `undefined` while nobody answers. */
  async #ask(question) {
    const alive = this.servers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    const connection = await connect({ servers: alive.map(({ url }) => url), maxReconnectAttempts: 0 }).catch(() => undefined);
    try {
      return await connection?.jetstreamManager({ timeout: 2000 }).then(question);
    } catch {
      return undefined;
    } finally {
      await connection?.close();
    }
  }

  /** The server that leads a stream, once there is one that all others follow. */
  leader(stream, followers = this.servers.length - 1) {
    const look = async () => {
      const info = await this.#ask((manager) => manager.streams.info(stream));
      const current = (info?.cluster?.replicas ?? []).filter((replica) => replica.current && !replica.offline);
      return info?.cluster?.leader && current.length >= followers && Number(info.cluster.leader.slice(1)) + 1;
    };
    return until(look, `a leader of ${stream} with ${followers} followers`, LEADER_MS).then((number) => number - 1);
  }

  /** Kills a server, as a crash would. */
  async kill(index) {
    const { child } = this.servers[index];
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Starts it again, with what it had stored. */
  async revive(index) {
    this.servers[index] = await this.#startServer(index);
  }

  async stop() {
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
