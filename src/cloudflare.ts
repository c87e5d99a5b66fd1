/**
 * For Cloudflare: Durable Objects as nodes, and the Worker in front of them.
 *
 * Sockets of two requests cannot meet in a plain Worker, so an object holds them; it sleeps while nothing is said.
 *
 * @example A Worker with one object for everybody
 * ```ts ignore
 * import { durableObject, forwardTo } from "@super-line/edge/cloudflare";
 * import { api, app, authenticate } from "./app.ts";
 *
 * export const Chat = durableObject(api, () => ({ authenticate }), app);
 * export default forwardTo("CHAT", () => "lobby");
 * ```
 *
 * @module
 */
export { durableObject } from "./runtimes/cloudflare/durable_object.ts";
export type {
  DurableNode,
  DurableNodeClass,
  DurableOptions,
} from "./runtimes/cloudflare/durable_object.ts";
export { forwardTo } from "./runtimes/cloudflare/forward.ts";
export type { Forwarder } from "./runtimes/cloudflare/forward.ts";
export type {
  DurableNamespaceLike,
  DurableSocketLike,
  DurableStateLike,
  DurableStorageLike,
  DurableStubLike,
} from "./runtimes/cloudflare/types.ts";
