// The page's snippet of the adapter seam, word for word but for its import.
// deno-fmt-ignore-file
// deno-lint-ignore-file
import { z } from "zod";
import { type Adapter, type AuthResult, type Contract, type ContractDefinition, defineContract, type ServerOptions, type SocketServer } from "@super-line/edge";
import type { Server } from "node:http";

// Stand-ins for ./adapters/redis and for ./node, which takes an HTTP server: issue 4 replaces them by imports.
declare function createRedisAdapter(url: string): Adapter;
declare function createSocketServer<C extends ContractDefinition, A extends AuthResult<C>>(
  contract: Contract<C>,
  options: ServerOptions<C, A> & { readonly server: Server },
): SocketServer<C, A>;

declare const server: Server;
declare const authenticate: () => { role: "user" };
const api = defineContract({ roles: { user: { serverToClient: { tick: { payload: z.number(), subscribe: true } } } } });

export function run() {
// --- snippet
const srv = createSocketServer(api, {
server, authenticate,
adapter: createRedisAdapter('redis://localhost:6379'),
})
// --- end
srv.forRole("user").publish("tick", 1);
return srv;
}
