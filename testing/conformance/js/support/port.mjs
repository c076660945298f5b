// Ports that nobody listens on: for what is told of a port in front.
import net from "node:net";

export const freePort = async () => (await freePorts(1))[0];

/** So many, no two alike: a port that was free once is soon given out again. */
export async function freePorts(count) {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = net.createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => listener.once("listening", resolve));
      return listener;
    }),
  );
  const ports = listeners.map((listener) => listener.address().port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}
