/**
 * A client made of names alone: neither schemas nor another role's names reach who downloads it.
 *
 * @example A page
 * ```ts ignore
 * import { createClient } from "@super-line/edge/client/named";
 * import type { api } from "./api.ts";
 * import surface from "./user_surface.json" with { type: "json" };
 *
 * const client = createClient<typeof api, "user">(surface, { url: "wss://chat.example/realtime", role: "user" });
 * await client.join({ room: "lobby" });
 * ```
 *
 * @module
 */
import type { Contract } from "../contract/define.ts";
import type { ContractDefinition, RoleName } from "../contract/types.ts";
import { createClient as create } from "./client.ts";
import type { ClientSurface } from "./surface.ts";
import type { Client, ClientOptions } from "./types.ts";

export type { ClientSurface } from "./surface.ts";

/**
 * Creates a client of one role, as `createClient` of `./client` does.
 *
 * @param surface What `clientSurface` returned when the app was built, with the contract's `serializer` where it has one
 * @param options As there, but that nothing can be validated
 * @returns The client, connecting
 * @throws {TypeError} When the surface is another role's, or as there
 *
 * @example A client of role user
 * ```ts ignore
 * import { createClient } from "@super-line/edge/client/named";
 *
 * const client = createClient<typeof api, "user">(surface, { url: "wss://chat.example/realtime", role: "user" });
 * ```
 */
export function createClient<
  T extends { readonly definition: ContractDefinition },
  R extends RoleName<T["definition"]>,
>(
  {
    role,
    requests,
    signals,
    events,
    topics,
    params = [],
    kept = [],
    latest = [],
    streams = [],
    questions,
    serializer,
  }: ClientSurface,
  options: Omit<ClientOptions<R & string>, "validate">,
): Client<T["definition"], R> {
  const map = (names: readonly string[], entry: object) =>
    names.map((name) => [name, entry] as const);
  const surface = {
    calls: new Map([
      ...map(requests, { output: true }),
      ...map(streams, { output: true, yields: true }),
      ...map(signals, {}),
    ]),
    events: new Map(map(events, {})),
    topics: new Map(topics.map((name) => [name, {
      params: params.includes(name),
      keep: kept.includes(name)
        ? { last: latest.includes(name) ? 1 : 2 }
        : undefined,
    }])),
    questions: new Map(map(questions, {})),
  };
  const contract = { roles: new Map([[role, surface]]), serializer };
  // All that a client reads of a contract, unless it validates.
  return create(contract as unknown as Contract<T["definition"]>, {
    ...options,
    validate: "off",
  } as ClientOptions<R & string>);
}
