/** Runs the suite on Bun, Deno or Node against one server: origin and names in, one line of JSON a case out. */
import process from "node:process";
import { WebSocket as WsWebSocket } from "ws";
import type { WebSocketConstructor } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import { runSuite } from "./suite.ts";

/** A constructor that takes headers as well. */
type Dialler = new (url: string, ...rest: unknown[]) => object;

const [origin = "", names = "[]", transport = ""] = process.argv.slice(2);
const builtIn = globalThis.WebSocket as unknown as Dialler | undefined;
const Own = builtIn ?? (WsWebSocket as unknown as Dialler); // Node 20 has none

const withHeaders = (headers: Record<string, string>): WebSocketConstructor =>
  class extends Own {
    constructor(url: string, protocols: string[]) {
      // The runtimes' own take what `ws` takes apart as members of one object.
      super(
        url,
        ...(builtIn ? [{ protocols, headers }] : [protocols, { headers }]),
      );
    }
  } as unknown as WebSocketConstructor; // it has all that is used

/** The HTTP transport where a WebSocket is expected. */
const overHttp = (
  headers: Record<string, string> = {},
): WebSocketConstructor => {
  const { dial } = http({
    longPolling: transport === "poll",
    fetch: (url, init) =>
      fetch(url, { ...init, headers: { ...headers, ...init?.headers } }),
  });
  return function (url: string, protocols: string[]) {
    return dial(url, protocols);
  } as unknown as WebSocketConstructor; // called with `new`, it returns an object of its own
};

await runSuite(
  transport ? { origin, WebSocket: overHttp(), withHeaders: overHttp } : {
    origin,
    WebSocket: Own as unknown as WebSocketConstructor,
    withHeaders,
  },
  JSON.parse(names),
  6,
  (outcome) => console.log(JSON.stringify(outcome)),
);
console.log("end");
process.exit(0);
