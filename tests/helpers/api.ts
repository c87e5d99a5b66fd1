/** The contract that most tests use, and a server for it. */
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  type ErrorInfo,
  type Implementation,
  type ServerOptions,
  SocketError,
  type SocketServer,
  type Stats,
} from "../../mod.ts";

const room = z.object({ room: z.string() });

export const api = defineContract({
  shared: {
    clientToServer: {
      echo: {
        input: z.object({ text: z.string() }),
        output: z.object({ text: z.string() }),
      },
      join: { input: room, output: z.object({ live: z.boolean() }) },
      run: {
        input: z.object({ key: z.string() }),
        output: z.object({ value: z.string() }),
      },
      typing: { input: room },
    },
    serverToClient: {
      message: {
        payload: z.object({ n: z.number(), pad: z.string().optional() }),
      },
      stamped: {
        payload: z.object({ n: z.number(), tag: z.string().default("none") }),
      },
      presence: { payload: z.object({ count: z.number() }), subscribe: true },
      news: { payload: z.object({ count: z.number() }), subscribe: true },
      ticket: {
        payload: z.object({ count: z.number() }),
        subscribe: true,
        params: z.object({
          id: z.string().max(400),
          page: z.number().optional(),
          open: z.boolean().optional(),
        }),
      },
    },
  },
  roles: {
    user: {
      data: z.object({ name: z.string(), level: z.number().default(1) }),
      clientToServer: {
        whoami: {
          input: z.object({}),
          output: z.object({ name: z.string(), level: z.number() }),
        },
      },
    },
    agent: {
      clientToServer: {
        act: { input: z.object({}), output: z.object({ done: z.boolean() }) },
      },
      serverToClient: {
        task: { payload: z.object({ prompt: z.string() }), subscribe: true },
        desk: {
          payload: z.object({ prompt: z.string() }),
          subscribe: true,
          params: z.object({ floor: z.number() }),
        },
        order: { payload: z.object({ prompt: z.string() }) },
      },
    },
  },
  serverToServer: { rebalance: z.object({ shard: z.number() }) },
});

export type Api = (typeof api)["definition"];

export interface Ctx {
  readonly name: string;
}

export type Auth =
  | {
    role: "user";
    ctx: Ctx;
    data: { name: string; level?: number };
    expiresAt?: number;
  }
  | { role: "agent"; ctx: Ctx; expiresAt?: number };

type All = Implementation<Api, Auth>;
export type TestServer = SocketServer<Api, Auth>;
export type TestOptions = Partial<ServerOptions<Api, Auth>>;
export type Overrides = Partial<
  All["shared"] & All["user"] & All["agent"]
>;

/** Lets in whom the query names. */
export function authenticateByQuery(request: Request): Auth {
  const query = new URL(request.url).searchParams;
  const name = query.get("name") ?? "ada";
  const role = query.get("role") ?? "user";
  if (role === "user") return { role, ctx: { name }, data: { name } };
  if (role === "agent") return { role, ctx: { name } };
  throw new SocketError("FORBIDDEN", `No role ${role}`);
}

export interface Made {
  readonly srv: TestServer;
  readonly errors: { error: unknown; info: ErrorInfo }[];
}

/** A server of {@linkcode api}; every handler does something, and may be replaced. */
export function createTestServer(
  options: TestOptions = {},
  handlers: Overrides = {},
): Made {
  const errors: Made["errors"] = [];
  const srv: TestServer = createSocketServer(api, {
    authenticate: authenticateByQuery,
    onError: (error: unknown, info: ErrorInfo) =>
      void errors.push({ error, info }),
    ...options,
  } as ServerOptions<Api, Auth>);
  const {
    echo = ({ text }) => ({ text }),
    join = async ({ room }, _ctx, conn) => await srv.room(room).add(conn),
    run = ({ key }) => ({ value: key }),
    typing = () => {},
    whoami = (_input, _ctx, conn) => conn.data,
    act = () => ({ done: true }),
  } = handlers;
  srv.implement({
    shared: { echo, join, run, typing },
    user: { whoami },
    agent: { act },
  });
  return { srv, errors };
}

/** The sizes that are not 0. */
export function leftOver(
  srv: { stats(): Stats },
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(srv.stats().sizes).filter(([, size]) => size !== 0),
  );
}
