/** server.ts in a Durable Object, which answers /tally beside. */
import { durableObject, forwardTo } from "../../src/cloudflare.ts";
import { contract, implement, optionsFrom, tally } from "./server.ts";

addEventListener("unhandledrejection", (event) => {
  tally.escaped.push(String((event as { reason?: unknown }).reason)); // as on the web
});

/** Another one when the object was ended meanwhile. */
let life = 0;

export class Hostile extends durableObject(
  contract,
  (env: Record<string, string>) => optionsFrom(env),
  (srv) => {
    life++;
    implement(srv);
  },
) {
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.has("upgrade")) return await super.fetch(request);
    return Response.json({ ...tally, stats: this.srv.stats(), life });
  }
}

export default forwardTo("HOSTILE", () => "one");
