/** The nodes of one host: each case makes one of its own, with the options of a preset, and looks at it through HTTP. */
import {
  type Node,
  type ServerOptions,
  SocketError,
  type SocketServer,
  type Stats,
} from "../../mod.ts";
import { type api, type packed, runsOf } from "./api.ts";

type Api = (typeof api)["definition"];
type Packed = (typeof packed)["definition"];

interface Ctx {
  readonly name: string;
  readonly address: string;
  readonly cookie: string;
  readonly authorization: string;
  readonly token: string;
  /** Which of the node's requests it came by. */
  readonly request: number;
}

type Auth =
  | {
    role: "user";
    ctx: Ctx;
    data: { name: string; level?: number };
    expiresAt?: number;
  }
  | { role: "agent"; ctx: Ctx; expiresAt?: number };

export type Options = ServerOptions<Api, Auth>;
export type PackedOptions = ServerOptions<Packed, { role: "user" }>;

export type JsonNode = Node<Api, Auth>;
export type PackedNode = Node<Packed, { role: "user" }>;

/** How a host makes a node. */
export interface Maker {
  json(options: Options): JsonNode;
  packed(options: PackedOptions): PackedNode;
}

/** What serves; on an HTTP server of Node's only `handshake` is there. */
export type Served = Pick<SocketServer, "handshake" | "fetch" | "upgrade">;

/** What happened on a node, in order. */
export interface Entry {
  readonly kind:
    | "auth"
    | "open"
    | "close"
    | "error"
    | "mark"
    | "cancelled"
    | "ended";
  readonly name: string;
  readonly code?: number;
}

/** One node with what happened on it. */
export interface Hosted {
  readonly srv: Served;
  readonly log: Entry[];
  readonly stats: () => Stats;
  readonly close: (drainMs: number) => Promise<void>;
  readonly publish: (count: number) => void;
}

/** How nodes may differ. */
export const presets: ReadonlyMap<string, Partial<Options>> = new Map<
  string,
  Partial<Options>
>(Object.entries({
  json: {},
  packed: {},
  elsewhere: { path: "/elsewhere" },
  small: {
    limits: { maxMessageBytes: 4_096, maxInFlight: 2, bytesPerSecond: 8_192 },
    authTimeoutMs: 400,
    heartbeatTimeoutMs: 1_200,
    backpressure: { maxBufferedBytes: 65_536 },
  },
  strict: {
    authTimeoutMs: 400,
    backpressure: { maxBufferedBytes: 65_536, onExceed: "close" },
  },
}));

/** The nodes of one host, by path: `/n/<preset>/<id>`. */
export class Nodes {
  readonly #maker: Maker;
  readonly #nodes = new Map<string, Hosted>();

  constructor(maker: Maker) {
    this.#maker = maker;
  }

  /** The node that a request is for. */
  at(url: string): Hosted | undefined {
    return this.#nodes.get(pathOf(url));
  }

  /** Answers `/control/<preset>/<id>/<command>` and `/`. */
  async http(request: Request): Promise<Response> {
    const path = pathOf(request.url);
    if (path === "/") {
      const headers = { "content-type": "text/html" };
      return new Response("hello", { headers });
    }
    const [, first, preset = "", id, command] = path.split("/");
    if (first !== "control" || !presets.has(preset)) {
      return new Response("Nothing here", { status: 404 });
    }
    const key = `/n/${preset}/${id}`;
    if (command === "create") {
      this.#nodes.set(key, this.#create(preset, key));
      return Response.json({});
    }
    const node = this.#nodes.get(key);
    if (!node) return new Response("No such node", { status: 404 });
    const argument = Number(new URL(request.url).searchParams.get("n"));
    if (command === "dispose") this.#nodes.delete(key);
    return await control(node, command, argument);
  }

  #create(preset: string, path: string): Hosted {
    if (preset === "packed") {
      const srv = this.#maker.packed(packedOptions(path));
      implementPacked(srv);
      return hosted(srv, [], () => {});
    }
    const past = createPast();
    const srv = this.#maker.json(jsonOptions(preset, path, past));
    implementJson(srv, past);
    return hosted(srv, past.log, (n) => srv.publish("news", { n }));
  }
}

/** What a node remembers. */
export interface Past {
  readonly log: Entry[];
  /** Not in `ctx`: a node that may sleep cannot keep one. */
  readonly requests: Request[];
}

export function createPast(): Past {
  return { log: [], requests: [] };
}

/** A node as tests look at it. */
export function hosted(
  srv: JsonNode | PackedNode,
  log: Entry[],
  publish: (n: number) => void,
): Hosted {
  return {
    srv: srv as unknown as Served, // the host knows which it made
    log,
    stats: () => srv.stats(),
    close: (drainMs) => srv.close({ drainMs }),
    publish: (count) => {
      for (let n = 1; n <= count; n++) publish(n);
    },
  };
}

/** Does to a node what a test wants, and reports on it. */
export async function control(
  node: Hosted,
  command: string | undefined,
  argument: number,
): Promise<Response> {
  if (command === "close") void node.close(argument);
  else if (command === "publish") node.publish(argument);
  else if (command === "dispose") await node.close(0);
  const { sizes, framesIn, malformed, dropped } = node.stats();
  return Response.json({ log: node.log, sizes, framesIn, malformed, dropped });
}

function pathOf(url: string): string {
  return new URL(url).pathname;
}

export function packedOptions(path: string): PackedOptions {
  return { path, authenticate: () => ({ role: "user" }) };
}

export function implementPacked(srv: PackedNode): void {
  srv.implement({
    user: {
      echo: (input) => input,
      *chunks({ count }) {
        for (let n = 0; n < count; n++) {
          const bytes = new Uint8Array([n, 0, 10, 255]);
          yield { text: `${n}\n`, bytes, at: new Date(n) };
        }
        return { at: new Date(count) };
      },
      reflect: (input, _ctx, conn) => {
        conn.emit("blob", input);
        return { length: input.bytes.length };
      },
      pack: async (input) => {
        await srv.forRole("user").publish("order", { id: "1" }, input);
        return { length: input.bytes.length };
      },
    },
  });
}

export function jsonOptions(
  preset: string,
  path: string,
  { log, requests }: Past,
): Options {
  return {
    path,
    ...presets.get(preset),
    authenticate: async (request, info) => {
      const query = new URL(request.url).searchParams;
      const name = query.get("name") ?? "ada";
      log.push({ kind: "auth", name });
      await answerFor(name, info.signal);
      const ctx = {
        name,
        address: info.remoteAddress ?? "",
        cookie: request.headers.get("cookie") ?? "",
        authorization: request.headers.get("authorization") ?? "",
        token: info.token ?? "",
        request: requests.push(request) - 1,
      };
      const ttl = query.get("ttl");
      const login = ttl === null ? {} : { expiresAt: Date.now() + Number(ttl) };
      const role = query.get("role") ?? "user";
      if (role === "agent") return { role, ctx, ...login };
      return { role: role as "user", ctx, data: { name }, ...login }; // another is refused, by the server
    },
    authorizeSubscribe: async (topic) => {
      if (topic === "late") await pause(60);
      return topic !== "secret";
    },
    refresh: (token, { role }) => {
      if (token !== "fresh") throw new SocketError("UNAUTHORIZED", "Stale");
      return { role, expiresAt: Date.now() + 60_000 };
    },
    onConnection: async (conn, { name }) => {
      log.push({ kind: "open", name });
      if (name === "greeted") conn.emit("note", { n: 1 });
      if (name === "badhook") throw new Error("onConnection throws");
      if (name === "slowhook") await pause(60);
      // As long as its client is there.
      while (name === "longhook" && !log.some(({ kind }) => kind === "close")) {
        await pause(20);
      }
    },
    onDisconnect: (_conn, { name }, code) => {
      log.push({ kind: "close", name, code });
      if (name === "badhook") throw new Error("onDisconnect throws");
    },
    onError: (_error, info) => {
      log.push({ kind: "error", name: info.name ?? info.source });
      throw new Error("onError throws as well");
    },
  };
}

export function implementJson(srv: JsonNode, { log, requests }: Past): void {
  srv.implement({
    shared: {
      echo: (input) => input,
      whoami: (_input, ctx, conn) => ({
        id: conn.id,
        role: conn.role,
        name: ctx.name,
        level: (conn.data as { level?: number } | undefined)?.level ?? 0, // agents have none
        address: ctx.address,
        cookie: ctx.cookie,
        authorization: ctx.authorization,
        token: ctx.token,
        later: later(requests[ctx.request]),
      }),
      join: async ({ room }, _ctx, conn) => await srv.room(room).add(conn),
      leave: ({ room }, _ctx, conn) => {
        srv.room(room).remove(conn);
        return {};
      },
      say: ({ room, count }) => {
        for (let n = 1; n <= count; n++) {
          srv.room(room).broadcast("message", { n });
        }
        return { members: srv.room(room).size };
      },
      mix: ({ room, count }, _ctx, conn) => {
        for (let n = 1; n <= count; n += 2) {
          srv.room(room).broadcast("message", { n });
          conn.emit("note", { n: n + 1 });
        }
        return { count };
      },
      burst: ({ count, pad }, _ctx, conn) => {
        const padding = "x".repeat(pad);
        for (let n = 1; n <= count; n++) conn.emit("note", { n, pad: padding });
        return { count };
      },
      pack: ({ id, count }) => {
        for (let n = 1; n <= count; n++) srv.publish("order", { id }, { n });
        return { count };
      },
      keep: async ({ id, from, to }) => {
        let count = 0;
        for (let n = from; n <= to; n++) {
          const { kept } = await srv.publish("feed", { id }, { n });
          if (kept === true) count++;
          await srv.publish("price", { n });
        }
        return { count };
      },
      publish: ({ count }) => {
        for (let n = 1; n <= count; n++) srv.publish("news", { n });
        return { count };
      },
      fail: ({ how }) => {
        if (how === "reject") {
          return Promise.reject(new Error("database password"));
        }
        if (how === "custom") {
          throw new SocketError("FULL", "No seat is left", { seats: 0 });
        }
        throw new Error("database password");
      },
      look: async ({ key, at }, _ctx, conn) => {
        if (["question", "answer", "client"].includes(at)) {
          const input = { key, at };
          const answer = await srv.toConn(conn.id).request("confirm", input);
          return { ...answer, runs: runsOf(key) };
        }
        return { key, at, runs: runsOf(key) };
      },
      stream: async function* (
        { key, to = Infinity, pad, how },
        _ctx,
        _conn,
        call,
      ) {
        const padding = "x".repeat(pad);
        let n = 0;
        try {
          while (n < to) {
            yield { n: ++n, pad: padding };
            if (how === "throw") throw new Error("database password");
            if (how === "wrong") yield { n: "seven" } as never;
            if (how === "pause") await pause(5);
            if (call.signal.aborted) break;
          }
          return { total: n };
        } finally {
          log.push({ kind: "ended", name: key, code: n });
        }
      },
      bid: ({ how }, _ctx, _conn, call) => {
        if (how === "low") {
          throw call.error("BID_TOO_LOW", { minimum: 11 }, "Bid more");
        }
        if (how === "stray") {
          const data = { minimum: 11, password: "x" };
          throw new SocketError("BID_TOO_LOW", "Bid more", data);
        }
        if (how === "default") throw call.error("CLOSED", {});
        if (how === "wrong") throw call.error("BID_TOO_LOW", {} as never);
        if (how === "other") throw new SocketError("SECRET", "internal");
        if (how === "own") throw new SocketError("FORBIDDEN", "Not you");
        return {};
      },
      stray: () => ({ name: "ada", passwordHash: "secret" }),
      wrong: () => ({ name: 7 }) as never,
      hang: ({ key }, _ctx, _conn, call) =>
        new Promise((resolve) => {
          call.signal.addEventListener("abort", () => {
            log.push({ kind: "cancelled", name: key });
            resolve({});
          });
        }),
      end: ({ code, reason }, _ctx, conn) => conn.close(code, reason),
      mark: ({ key }) => void log.push({ kind: "mark", name: key }),
    },
    agent: { act: () => ({}) },
  });
  srv.snapshot("feed", () => [0]);
}

function later(request: Request | undefined): string {
  const name = new URL(request?.url ?? "").searchParams.get("name");
  return `${request?.headers.get("host")} ${name}`;
}

/** How `authenticate` treats some names. */
async function answerFor(name: string, signal: AbortSignal): Promise<void> {
  if (name === "nobody") throw new SocketError("UNAUTHORIZED", "Log in first");
  if (name === "banned") {
    throw new SocketError("FORBIDDEN", "é".repeat(61) + "€ and more"); // the cut falls into a character
  }
  if (name === "busy") throw new SocketError("UNAVAILABLE", "Try later");
  if (name === "broken") throw new Error("The database is away");
  if (name === "slow") await pause(100);
  if (name !== "never") return;
  await new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
