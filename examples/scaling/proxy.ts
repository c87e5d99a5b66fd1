// A load balancer, as small as one can be: each WebSocket goes to the next
// node, and a node that is away is passed over.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** The most that a request's head may be, in bytes. */
const MAX_HEAD = 16_384;

/** Starts it in front of the nodes' ports. */
export async function startProxy(
  port: number,
  targets: readonly number[],
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer((near) => {
    sockets.add(near);
    near.on("close", () => sockets.delete(near));
    near.on("error", () => near.destroy());
    let head = "";
    near.on("data", function read(chunk) {
      head += chunk.toString("latin1");
      if (head.length > MAX_HEAD) near.destroy();
      if (!head.includes("\r\n\r\n")) return;
      near.off("data", read).pause();
      // The page is the same on every node. Only sockets take turns, so that
      // two tabs are on two nodes.
      const start = /^upgrade: *websocket\r$/im.test(head) ? next++ : 0;
      forward(near, head, turn(targets, start)).catch(() => near.destroy());
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Connects to the first that answers, and carries both ways from then on. */
async function forward(
  near: Socket,
  head: string,
  ports: readonly number[],
): Promise<void> {
  for (const port of ports) {
    const far = connect(port, "127.0.0.1");
    try {
      await once(far, "connect");
    } catch {
      continue; // this one is away
    }
    far.on("error", () => far.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    far.write(head, "latin1");
    near.pipe(far).pipe(near);
    return;
  }
  near.destroy();
}

function turn<T>(all: readonly T[], start: number): T[] {
  const at = start % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}
