/** A contract, a server on a port for it, and components that show what the hooks return. */
import { expect } from "bun:test";
import type { ReactNode } from "react";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
  type SocketServer,
} from "../../mod.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import { createSocketReact } from "../../src/react.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";

export const api = defineContract({
  shared: {
    clientToServer: {
      wait: { input: z.string(), output: z.string() },
      fail: { input: z.string(), output: z.null() },
      bid: {
        input: z.number(),
        output: z.null(),
        errors: { TOO_LOW: z.object({ minimum: z.number() }) },
      },
      /** Goes on until `answer` is told its input, or its reader leaves. */
      tell: { input: z.string(), yields: z.string(), output: z.number() },
    },
    serverToClient: {
      said: { payload: z.string() },
      count: { payload: z.number(), subscribe: true },
      secret: { payload: z.string(), subscribe: true },
      book: {
        payload: z.number(),
        subscribe: true,
        params: z.object({ id: z.string() }),
        keep: { last: 4 },
        snapshot: z.string(),
      },
      order: {
        payload: z.number(),
        subscribe: true,
        params: z.object({ id: z.string(), open: z.boolean() }),
      },
    },
  },
  roles: { user: {} },
});
type Definition = (typeof api)["definition"];
export type UserClient = Client<Definition, "user">;

export const {
  Provider,
  useClient,
  useRequest,
  useStream,
  useEvent,
  useSubscription,
  useStatus,
} = createSocketReact<typeof api, "user">();

export interface App extends AsyncDisposable {
  readonly srv: SocketServer<Definition, { role: "user" }>;
  readonly url: string;
  /** How many sockets the clients have made. */
  readonly dials: number;
  /** The inputs of streams that run on the server. */
  readonly telling: ReadonlySet<string>;
  /** Answers the call of `wait` that came with this input. */
  answer(input: string): Promise<void>;
  /** A client that is closed with the app. */
  client(lazy?: boolean): UserClient;
}

/** Serves; `wait` answers when it is told to. */
export function startApp(): App {
  const waiting = new Map<string, () => void>();
  const telling = new Set<string>();
  const clients: UserClient[] = [];
  let dials = 0;
  class CountingWebSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      dials++;
    }
  }
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    authorizeSubscribe: (topic) => topic !== "secret",
    onConnection: (conn) => void srv.room("all").add(conn),
  });
  srv.implement({
    shared: {
      wait: (input) =>
        new Promise((resolve) => waiting.set(input, () => resolve(input))),
      bid: (_amount, _ctx, _conn, call) => {
        throw call.error("TOO_LOW", { minimum: 11 });
      },
      tell: async function* (input, _ctx, _conn, { signal }) {
        telling.add(input);
        try {
          yield `${input}1`;
          yield `${input}2`;
          if (input === "broken") throw new SocketError("BROKEN", "It broke");
          await new Promise<void>((resolve, reject) => {
            waiting.set(input, resolve);
            signal.addEventListener("abort", () => reject(signal.reason));
          });
          yield `${input}3`;
          return 3;
        } finally {
          telling.delete(input);
        }
      },
      fail: (code) => {
        throw new SocketError(code, `It was ${code}`);
      },
    },
  });
  const running = serve(srv, srv);
  return {
    srv,
    telling,
    url: running.url,
    get dials() {
      return dials;
    },
    async answer(input) {
      await until(() => waiting.has(input), `a call of wait("${input}")`);
      waiting.get(input)?.();
      waiting.delete(input);
    },
    client(lazy = false) {
      const client = createClient(api, {
        url: running.url,
        role: "user",
        reconnectBaseMs: 1,
        lazy,
        WebSocket: CountingWebSocket as never, // the standard one, by structure
      });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await running[Symbol.asyncDispose]();
    },
  };
}

/** How many renders it took, and what the last one showed. */
export interface Log<T> {
  renders: number;
  last: T | undefined;
}

/** A component that logs what a hook returns. */
export function watch<T>(hook: () => T): { log: Log<T>; Watch(): ReactNode } {
  const log: Log<T> = { renders: 0, last: undefined };
  const Watch = () => {
    log.renders++;
    log.last = hook();
    return null;
  };
  return { log, Watch };
}

/** What a hook returned last, once it did. */
export function last<T>({ last }: Log<T>): T {
  expect(last).toBeDefined();
  return last as T; // just seen
}
