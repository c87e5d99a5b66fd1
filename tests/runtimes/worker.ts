/** A Worker that forwards to the nodes, each a Durable Object of its own; `HONO` puts Hono in front. */
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import type {
  DurableNamespaceLike,
  DurableStateLike,
} from "../../src/cloudflare.ts";
import { api, packed } from "./api.ts";
import { createHonoApp } from "./hono_app.ts";
import {
  control,
  createPast,
  type Hosted,
  hosted,
  implementJson,
  implementPacked,
  jsonOptions,
  packedOptions,
  type Past,
  presets,
} from "./nodes.ts";

/** An object's name is its node's path. */
const nameOf = (state: DurableStateLike) =>
  (state.id as { name?: string }).name ?? ""; // it came by its name

/** What a case looks at of the node that was made last: a constructor does nothing else meanwhile. */
let made: Hosted;

/** Answers `/control` beside the node. */
function controlled(
  Node: new (state: DurableStateLike, env: unknown) => {
    fetch(request: Request): Promise<Response>;
  },
) {
  return class extends Node {
    readonly #hosted = made;

    override async fetch(request: Request): Promise<Response> {
      const url = new URL(request.url);
      const [, first, , , command] = url.pathname.split("/");
      if (first !== "control") return await super.fetch(request);
      const argument = Number(url.searchParams.get("n"));
      return await control(this.#hosted, command, argument);
    }
  };
}

function jsonObject(preset: string) {
  let past: Past = createPast();
  return controlled(durableObject(
    api,
    (_env, state) => jsonOptions(preset, nameOf(state), past = createPast()),
    (srv) => {
      implementJson(srv, past);
      made = hosted(srv, past.log, (n) => srv.publish("news", { n }));
    },
  ));
}

export const Json = jsonObject("json");
export const Elsewhere = jsonObject("elsewhere");
export const Small = jsonObject("small");
export const Strict = jsonObject("strict");
export const Packed = controlled(durableObject(
  packed,
  (_env, state) => packedOptions(nameOf(state)),
  (srv) => {
    implementPacked(srv);
    made = hosted(srv, [], () => {});
  },
));

const route = (request: Request) => {
  const [, , preset, id] = new URL(request.url).pathname.split("/");
  return `/n/${preset}/${id}`;
};
const forwarders = new Map(
  [...presets.keys()].map((preset) => [preset, forwardTo(preset, route)]),
);

/** The Worker's side of the nodes. */
const nodes = {
  at(url: string) {
    const srv = forwarders.get(new URL(url).pathname.split("/")[2] ?? "");
    return srv && { srv };
  },
  async http(request: Request, env: unknown): Promise<Response> {
    if (new URL(request.url).pathname === "/") {
      const headers = { "content-type": "text/html" };
      return new Response("hello", { headers });
    }
    const node = this.at(request.url);
    return await (node?.srv.fetch(request, env) ??
      new Response("Nothing here", { status: 404 }));
  },
};
const app = createHonoApp(nodes, {}, false);

export default {
  async fetch(
    request: Request,
    env: Record<string, DurableNamespaceLike> & { HONO: boolean },
  ): Promise<Response> {
    return await (env.HONO
      ? app.fetch(request, env)
      : nodes.http(request, env));
  },
};
