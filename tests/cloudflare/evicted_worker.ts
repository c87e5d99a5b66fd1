/** An object whose memory is taken away in the middle of everything; what its hooks did outlives that in storage. */
import { z } from "zod";
import { defineContract } from "../../mod.ts";
import {
  durableObject,
  type DurableStateLike,
  forwardTo,
} from "../../src/cloudflare.ts";

const room = z.object({ room: z.string() });
const n = z.object({ n: z.number() });

export const api = defineContract({
  shared: {
    clientToServer: {
      whoami: {
        input: z.object({}),
        output: z.object({
          id: z.string(),
          name: z.string(),
          tags: z.array(z.string()),
          level: z.number(),
          connectedAt: z.number(),
          wake: z.string(),
        }),
      },
      join: { input: z.object({ rooms: z.array(z.string()) }), output: n },
      leave: { input: room, output: n },
      say: { input: room.extend({ n: z.number() }), output: n },
      publish: { input: n, output: n },
      wait: { input: z.object({ ms: z.number() }), output: n },
      kick: { input: z.object({ name: z.string() }), output: n },
    },
    serverToClient: {
      said: { payload: n },
      news: { payload: n, subscribe: true },
      order: {
        payload: n,
        subscribe: true,
        params: z.object({ id: z.string() }),
      },
      /** Authorized late. */
      late: { payload: n, subscribe: true },
    },
  },
  roles: { user: { data: z.object({ level: z.number() }) } },
});

/** Counts what happened to an object, in its storage. */
class Counts {
  readonly #storage: DurableStateLike["storage"];

  constructor({ storage }: DurableStateLike) {
    this.#storage = storage;
  }

  add(what: string): void {
    const key = `count/${what}/${crypto.randomUUID()}`;
    void this.#storage.put({ [key]: true });
  }

  async all(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const key of (await this.#storage.list({ prefix: "" })).keys()) {
      const name = key.startsWith("count/")
        ? key.split("/")[1] ?? ""
        : "kept in storage";
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

/** Objects of such names look after silence more often. */
const isBrisk = (state: DurableStateLike) =>
  (state.id as { name?: string }).name?.startsWith("brisk"); // it came by its name
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
/** Changes with every life in memory; a module lives as long as its objects here. */
let counts: Counts | undefined;

export class Chat extends durableObject(
  api,
  (_env, state) => {
    const count = counts = new Counts(state);
    count.add("wake");
    return {
      heartbeatTimeoutMs: isBrisk(state) ? 2_500 : 90_000,
      authenticate: (request) => {
        const query = new URL(request.url).searchParams;
        const name = query.get("name") ?? "";
        const pad = "x".repeat(Number(query.get("pad")));
        const ttl = query.get("ttl");
        return {
          role: "user",
          ctx: { name: name + pad, tags: new Map([["a", new Set(["b"])]]) },
          data: { level: 7 },
          ...(ttl && { expiresAt: Date.now() + Number(ttl) }),
        };
      },
      authorizeSubscribe: async (topic) => {
        if (topic === "late") await pause(300);
        return true;
      },
      onConnection: async (_conn, { name }) => {
        count.add("onConnection");
        if (name === "slow") await pause(2_000);
      },
      onDisconnect: (_conn, { name }, code) =>
        count.add(`onDisconnect ${name} ${code}`),
      onError: (error) => count.add(`error: ${error}`),
    };
  },
  (srv) => {
    const wake = crypto.randomUUID();
    srv.implement({
      shared: {
        whoami: (_input, { name, tags }, { id, data, connectedAt }) => ({
          id,
          name,
          tags: [...tags].flatMap(([key, values]) => [key, ...values]),
          level: data.level,
          connectedAt,
          wake,
        }),
        join: ({ rooms }, _ctx, conn) => {
          for (const room of rooms) void srv.room(room).add(conn);
          return { n: srv.local.rooms.size };
        },
        leave: ({ room }, _ctx, conn) => {
          srv.room(room).remove(conn);
          return { n: srv.local.rooms.size };
        },
        say: ({ room, n }) => {
          srv.room(room).broadcast("said", { n });
          return { n: srv.room(room).size };
        },
        publish: ({ n }) => {
          srv.publish("news", { n });
          srv.publish("late", { n });
          srv.publish("order", { id: "1" }, { n });
          srv.publish("order", { id: "2" }, { n: -n });
          return { n };
        },
        wait: async ({ ms }) => {
          await pause(ms);
          return { n: ms };
        },
        kick: ({ name }) => {
          const all = srv.local.connections.filter(({ ctx }) =>
            (ctx as { name: string }).name === name
          ); // authenticate made it
          for (const conn of all) conn.close(4409, "kicked");
          return { n: all.length };
        },
      },
    });
  },
) {
  readonly #counts = counts;
  readonly #state: { abort(reason: string): void };

  constructor(state: DurableStateLike & { abort(reason: string): void }) {
    super(state, undefined);
    this.#state = state;
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/counts") return Response.json(await this.#counts?.all());
    if (pathname === "/abort") this.#state.abort("for a test");
    return await super.fetch(request);
  }
}

export default forwardTo(
  "CHAT",
  (request) => new URL(request.url).searchParams.get("object") ?? "lobby",
);
