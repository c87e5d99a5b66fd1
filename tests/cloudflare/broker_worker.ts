/** The adapter suite inside workerd, and two chat objects that meet through the broker. */
import { z } from "zod";
import { defineContract } from "../../mod.ts";
import {
  createDurableObjectAdapter,
  type DurableObjectAdapter,
  type NamespaceLike,
} from "../../adapters/durable_object.ts";
import {
  durableObject,
  type DurableStateLike,
  forwardTo,
} from "../../src/cloudflare.ts";
import { adapterSuite } from "../../src/testing/mod.ts";
import { tell } from "./told.ts";

export { Broker } from "../../adapters/durable_object.ts";

interface Env {
  readonly BROKER: NamespaceLike;
  readonly CONTROL: string;
}

/** Runs one case of the suite; all its adapters are in this object. */
export class Lab {
  readonly #state: DurableStateLike;
  readonly #env: Env;
  readonly #adapters: DurableObjectAdapter[] = [];

  constructor(state: DurableStateLike, env: Env) {
    this.#state = state;
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    for (const adapter of this.#adapters) {
      const taken = adapter.take(request);
      if (taken) return await taken;
    }
    const name = new URL(request.url).searchParams.get("case");
    const test = adapterSuite.find((it) => it.name === name);
    if (!test) return new Response("No such case", { status: 404 });
    const create = ({ namespace }: { namespace: string }) => {
      const adapter = createDurableObjectAdapter({
        broker: this.#env.BROKER,
        id: this.#state.id,
        self: "LAB",
        namespace,
      });
      this.#adapters.push(adapter);
      return adapter;
    };
    const error = await test.run({ create, patienceMs: 10_000 })
      .then(() => "", String);
    return new Response(error);
  }
}

export const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: z.string(), output: z.boolean() },
      /** Changes with every life in memory. */
      life: { input: z.null(), output: z.string() },
      die: { input: z.null(), output: z.null() },
      say: {
        input: z.object({ room: z.string(), n: z.number() }),
        output: z.null(),
      },
    },
    serverToClient: { said: { payload: z.number() } },
  },
  roles: { user: {} },
});

/** Ends the object that is being made. */
let end = () => {};

export class Chat extends durableObject(
  api,
  (env: Env, state) => {
    // Its name is known to it where it was asked for by name, and not where the broker was first.
    const { name = "nameless" } = state.id as { name?: string };
    tell(env.CONTROL, `${name} woken`);
    const { abort } = state as { abort?(reason: string): void }; // workerd's
    end = () => abort?.call(state, "for a test");
    return {
      authenticate: () => ({ role: "user" }),
      onConnection: () => tell(env.CONTROL, `${name} connected`),
      adapter: createDurableObjectAdapter({
        broker: env.BROKER,
        id: state.id,
        self: "CHAT",
      }),
    };
  },
  (srv) => {
    const life = crypto.randomUUID();
    const abort = end;

    srv.implement({
      shared: {
        life: () => life,
        die: () => {
          abort();
          return null;
        },
        join: async (room, _ctx, conn) => (await srv.room(room).add(conn)).live,
        say: ({ room, n }) => {
          srv.room(room).broadcast("said", n);
          return null;
        },
      },
    });
  },
) {}

const name = (request: Request) =>
  new URL(request.url).searchParams.get("object") ?? "lab";
const [lab, chat] = [forwardTo("LAB", name), forwardTo("CHAT", name)];

export default {
  fetch: (request: Request, env: unknown): Promise<Response> =>
    (new URL(request.url).searchParams.has("case") ? lab : chat)
      .fetch(request, env),
};
