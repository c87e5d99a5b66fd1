/** No sticky sessions: requests of one session reach every node in turn, and the node that has the session answers. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { createRedisAdapter } from "../../adapters/redis.ts";
import {
  type Adapter,
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";
import { RedisServer } from "../redis/redis_server.ts";
import { startProxy } from "./proxy.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: { count: { input: z.number(), output: z.number() } },
      serverToClient: { counted: { payload: z.number() } },
    },
  },
});
const CLIENTS = Number(process.env["CLIENTS"] ?? 20);

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
}, 30_000);
afterAll(() => redis.end());

/** Resolves when each node knows the others. */
async function known(
  nodes: readonly { readonly cluster: { nodes(): Promise<unknown[]> } }[],
): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    const lists = await Promise.all(
      nodes.map(({ cluster }) => cluster.nodes().catch(() => [])), // not connected yet
    );
    if (lists.every(({ length }) => length === nodes.length)) return;
    expect(Date.now()).toBeLessThan(end);
    await Bun.sleep(20);
  }
}

const adapters: Record<string, () => () => Adapter> = {
  memory: () => {
    const bus = new MemoryBus();
    return () => createInMemoryAdapter(bus);
  },
  Redis: () => {
    const namespace = crypto.randomUUID();
    return () => createRedisAdapter({ url: redis.url, namespace });
  },
};

for (const [name, makeAdapters] of Object.entries(adapters)) {
  for (const longPolling of [false, true]) {
    const how = longPolling ? "long-polling" : "streaming";
    test(
      `${CLIENTS} clients on three nodes over ${name}, ${how}, every request on another node`,
      async () => {
        const makeAdapter = makeAdapters();
        const handled = new Map<string, number[]>();
        const start = () => {
          const srv = createSocketServer(api, {
            adapter: makeAdapter(),
            authenticate: () => ({ role: "user" }),
            onConnection: (conn) => void srv.room("all").add(conn),
          });
          srv.implement({
            user: {
              count: (n, _ctx, conn) => {
                handled.set(conn.id, [...handled.get(conn.id) ?? [], n]);
                conn.emit("counted", n);
                return n;
              },
            },
          });
          return srv;
        };
        const nodes = [start(), start(), start()];
        const running = nodes.map((srv) => serve(srv, srv));
        await known(nodes);
        await using proxy = startProxy(
          running.map(({ url }) => url.replace("ws", "http").slice(0, -1)),
          { dropShare: 0.02, repeatShare: 0.02 },
        );
        const all = Array.from({ length: 50 }, (_, n) => n);
        await Promise.all(Array.from({ length: CLIENTS }, async () => {
          const client = createClient(api, {
            url: proxy.url,
            role: "user",
            transport: [http({ longPolling })],
            reconnect: false,
          });
          const counted: number[] = [];
          client.on("counted", (n) => void counted.push(n));
          await client.ready;
          const answers: number[] = [];
          for (const n of all) answers.push(await client.count(n));
          await until(() => counted.length >= all.length, undefined, 10_000);
          expect(answers).toEqual(all);
          expect(counted).toEqual(all);
          expect(handled.get(client.id ?? "")).toEqual(all);
          client.close();
        }));
        await until(
          () => nodes.every(({ local }) => local.connections.length === 0),
          undefined,
          10_000,
        );
        for (const it of running) await it[Symbol.asyncDispose]();
      },
      120_000,
    );
  }
}

test(
  "a session whose node has gone ends, and the client connects to another one",
  async () => {
    const bus = new MemoryBus();
    const start = () => {
      const srv = createSocketServer(api, {
        adapter: createInMemoryAdapter(bus),
        authenticate: () => ({ role: "user" }),
      });
      srv.implement({ user: { count: (n) => n } });
      return srv;
    };
    const nodes = [start(), start()];
    const running = nodes.map((srv) => serve(srv, srv));
    await known(nodes);
    await using proxy = startProxy(
      running.map(({ url }) => url.replace("ws", "http").slice(0, -1)),
      {},
    );
    const client = createClient(api, {
      url: proxy.url,
      role: "user",
      transport: [http()],
      reconnectBaseMs: 20,
    });
    await client.ready;
    const first = client.id;
    const owner = nodes.findIndex(({ local }) =>
      local.connections.length === 1
    );
    await running[owner]?.[Symbol.asyncDispose]();
    await until(
      () => client.id !== undefined && client.id !== first,
      undefined,
      10_000,
    );
    expect(await client.count(7)).toBe(7);
    client.close();
    await running[1 - owner]?.[Symbol.asyncDispose]();
  },
  60_000,
);
