/** Runs the suite on Bun, Deno or Node against one server: origin and names in, one line of JSON a case out. */
import process from "node:process";
import { WebSocket as WsWebSocket } from "ws";
import type { WebSocketConstructor } from "../../src/client/client.ts";
import { runSuite } from "./suite.ts";

/** A constructor that takes headers as well; each runtime's, and that of `ws`, has its own form. */
type Dialler = new (url: string, ...rest: unknown[]) => object;

const [origin = "", names = "[]"] = process.argv.slice(2);
const builtIn = globalThis.WebSocket as unknown as Dialler | undefined;
const Own = builtIn ?? (WsWebSocket as unknown as Dialler); // Node 20 has none

const withHeaders = (headers: Record<string, string>): WebSocketConstructor =>
  class extends Own {
    constructor(url: string, protocols: string[]) {
      if (builtIn) super(url, { protocols, headers });
      else super(url, protocols, { headers });
    }
  } as unknown as WebSocketConstructor;

await runSuite(
  {
    origin,
    WebSocket: Own as unknown as WebSocketConstructor,
    withHeaders,
  },
  JSON.parse(names),
  (outcome) => console.log(JSON.stringify(outcome)),
);
console.log("end");
process.exit(0);
