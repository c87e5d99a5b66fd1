/** What is measured, and a control without this package. */
import { z } from "zod";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { defineContract } from "../../mod.ts";
import {
  durableObject,
  type DurableSocketLike,
  type DurableStateLike,
  forwardTo,
} from "../../src/cloudflare.ts";

export const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        echo: { input: z.string(), output: z.string() },
        join: { input: z.string(), output: z.boolean() },
      },
    },
  },
});

/** How often each object was made and rung, which outlives its memory. */
const count = (state: DurableStateLike, what: string) =>
  void state.storage.put({ [`${what}/${crypto.randomUUID()}`]: true });

interface Env {
  /** A local Upstash, where the object is to meet others over it. */
  readonly UPSTASH?: { readonly url: string; readonly token: string };
  readonly IDLE_MS?: number;
}

export class Chat extends durableObject(
  api,
  ({ UPSTASH, IDLE_MS = 30_000 }: Env, state) => {
    count(state, "made");
    return {
      authenticate: () => ({ role: "user" }),
      ...(UPSTASH && { adapter: createUpstashAdapter(UPSTASH) }),
      idleAfterMs: IDLE_MS,
    };
  },
  (srv) => {
    srv.implement({
      user: {
        echo: (text) => text,
        join: async (room, _ctx, conn) => (await srv.room(room).add(conn)).live,
      },
    });
  },
) {
  readonly #state: DurableStateLike;

  constructor(state: DurableStateLike, env: Env) {
    super(state, env);
    this.#state = state;
  }

  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== "/counts") {
      return await super.fetch(request);
    }
    const counts: Record<string, number> = {};
    for (const what of ["made", "rung", "message"]) {
      const keys = await this.#state.storage.list({ prefix: `${what}/` });
      counts[what] = keys.size;
    }
    return Response.json(counts);
  }

  override alarm(): Promise<void> | void {
    count(this.#state, "rung");
    return super.alarm();
  }

  override webSocketMessage(
    ws: DurableSocketLike,
    message: string | ArrayBuffer,
  ) {
    count(this.#state, "message");
    return super.webSocketMessage(ws, message);
  }
}

/** Says hello and echoes, with nothing around it. */
export class Bare {
  readonly #state: DurableStateLike;

  constructor(state: DurableStateLike) {
    this.#state = state;
  }

  fetch(): Response {
    const { WebSocketPair } = globalThis as unknown as {
      WebSocketPair: new () => { 0: object; 1: DurableSocketLike };
    }; // this is workerd
    const { 0: far, 1: near } = new WebSocketPair();
    this.#state.acceptWebSocket(near);
    near.send("hi");
    const headers = { "sec-websocket-protocol": "superline.v1" };
    const how = { status: 101, webSocket: far, headers };
    return new Response(null, how);
  }

  webSocketMessage(ws: DurableSocketLike, message: string): void {
    ws.send(message);
  }
}

const name = (request: Request) =>
  new URL(request.url).searchParams.get("o") ?? "cold";
const [chat, bare] = [forwardTo("CHAT", name), forwardTo("BARE", name)];

export default {
  fetch: (request: Request, env: unknown): Promise<Response> =>
    (new URL(request.url).pathname === "/bare" ? bare : chat).fetch(
      request,
      env,
    ),
};
