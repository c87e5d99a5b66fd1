/** One node of a cluster, told what to do by the lines of its input. The hosts beside it serve it on their runtime. */
import { createInterface } from "node:readline";
import process from "node:process";
import type { Adapter, Node, ServerOptions, Stats } from "../../../mod.ts";
import type { api, Payload, Role } from "./api.ts";

type Api = (typeof api)["definition"];
interface Login {
  readonly role: Role;
}

/** What a node is told. */
export type Order =
  | { readonly publish: string; readonly n: number }
  | { readonly listen: boolean }
  | { readonly ask: "stats" };

/** What a node tells. */
export type Told =
  | { readonly made: number; readonly seq: number; readonly turn: number }
  | { readonly event: Payload }
  | { readonly listening: boolean; readonly live: boolean }
  | { readonly stats: Stats }
  | { readonly failed: string };

/** A module that the driver names: what makes the node's adapter. */
export interface AdapterModule {
  createAdapter(options: unknown): Adapter | Promise<Adapter>;
}

/** Makes the node of this process: `program <module> <options as JSON>`. */
export async function runNode<N extends Node<Api, Login>>(
  create: (options: ServerOptions<Api, Login>) => N,
): Promise<N> {
  const [module = "", options = "null"] = process.argv.slice(2);
  const { createAdapter } = await import(module) as AdapterModule;
  const adapter = await createAdapter(JSON.parse(options));
  let seq = 0;
  let turn = 0;
  let ending = false;
  const tell = (told: Told) => console.log(JSON.stringify(told));
  const srv = create({
    adapter,
    authenticate: (request) => ({
      role: new URL(request.url).searchParams.get("role") as Role, // a role that is none is refused
    }),
    onError: (error) => process.stderr.write(`${error}\n`),
  });

  function publish(channel: string, n: number): void {
    const [kind = "", name = ""] = channel.split("/");
    const payload = { n, seq: ++seq, channel, pad: "x".repeat(n % 200) };
    if (!ending) queueMicrotask(() => (turn++, ending = false));
    ending = true;
    tell({ made: n, seq, turn });
    if (kind === "room") srv.room(name).broadcast("message", payload);
    else if (kind === "server") srv.emitServer("tick", payload);
    else if (kind === "topic") srv.publish(name as "news", payload);
    else srv.forRole(kind as Role).publish("task", payload);
  }

  srv.implement({
    shared: {
      join: async ({ room }, _ctx, conn) => await srv.room(room).add(conn),
      leave: ({ room }, _ctx, conn) => {
        srv.room(room).remove(conn);
        return {};
      },
      sync: () => ({}),
      say: ({ room, n }) => {
        publish(`room/${room}`, n);
        return {};
      },
      end: (_input, _ctx, conn) => conn.close(1012, "asked for"),
    },
  });

  let off: ReturnType<typeof srv.onServer> | undefined;
  async function obey(order: Order): Promise<void> {
    if ("publish" in order) publish(order.publish, order.n);
    else if ("ask" in order) tell({ stats: srv.stats() });
    else if (order.listen) {
      off = srv.onServer("tick", (event) => tell({ event }));
      tell({ listening: true, ...await off.ready });
    } else {
      off?.();
      tell({ listening: false, live: false });
    }
  }
  createInterface(process.stdin)
    .on("line", (line) => {
      obey(JSON.parse(line)).catch((error) => tell({ failed: `${error}` }));
    })
    .on("close", () => process.exit(0));
  return srv;
}
