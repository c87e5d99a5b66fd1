/** This library, on the runtime that runs it. */
import { createServer } from "node:http";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";
import { listen as listenOnDeno } from "./deno.ts";
import { listen as listenOnNode } from "./node.ts";
import { event, input, output, type Payload, type Target } from "./target.ts";

const api = defineContract({
  shared: {
    clientToServer: { echo: { input, output } },
    serverToClient: { m: { payload: event } },
  },
  roles: { user: {} },
});

/** What is used of a connection. */
interface Conn {
  readonly id: string;
}
interface Node {
  implement(handlers: unknown): unknown;
  room(name: string): {
    add(conn: Conn): Promise<unknown>;
    remove(conn: Conn): void;
    broadcast(event: "m", data: Payload): void;
  };
}

export async function serve(
  mode: string,
  opened: (conn: Conn) => void,
): Promise<Target<Conn>> {
  const options = {
    authenticate: () => ({ role: "user" as const }),
    onConnection: (conn: Conn) => opened(conn),
    // The load is one peer with all the requests there are.
    limits: {
      framesPerSecond: 1e9,
      frameBurst: 1e9,
      bytesPerSecond: 1e12,
      handshakesPerSecond: 1e6,
    },
    adapter: mode.startsWith("redis:") ? createRedisAdapter(mode) : undefined,
    validateOutput: mode !== "unvalidated",
  };
  let srv: Node;
  let port: number;
  if ("Bun" in globalThis) {
    const onBun = createSocketServer(api, options as never);
    srv = onBun as never; // by structure, as above
    port = Bun.serve({ ...onBun, port: 0 } as never).port ?? 0;
  } else if ("Deno" in globalThis) {
    const onDeno = createSocketServer(api, options as never);
    srv = onDeno as never;
    port = listenOnDeno(onDeno.fetch);
  } else {
    const server = createServer();
    srv = createOnNode(api, { server, ...options } as never) as never;
    port = await listenOnNode(server);
  }
  srv.implement({
    shared: { echo: ({ text }: { text: string }) => ({ answer: text }) },
  });
  return {
    port,
    join: (conn, room) => void srv.room(room).add(conn),
    leave: (conn, room) => srv.room(room).remove(conn),
    publish: (room, payload) => srv.room(room).broadcast("m", payload),
  };
}
