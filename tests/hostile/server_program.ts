// server.ts in a process of its own, on the runtime that runs it. It prints its port, and answers /tally, /heap after a
// forced collection, and /pause, which holds its event loop up.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";
import type { DenoServeLike } from "../runtimes/deno_like.ts";
import {
  contract,
  type Heap,
  implement,
  optionsFrom,
  tally,
} from "./server.ts";

process.on("uncaughtException", (error) => tally.escaped.push(String(error)));
process.on("unhandledRejection", (error) => tally.escaped.push(String(error)));

const options = optionsFrom(process.env);
const onNode = process.env["NODE_HTTP"] !== undefined ||
  !("Bun" in globalThis || "Deno" in globalThis);
const httpServer = createServer(async (request, response) => {
  if (node?.answer(request, response)) return;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(await told(request.url ?? "")));
});
const web = onNode ? undefined : createSocketServer(contract, options);
const node = web
  ? undefined
  : createOnNode(contract, { ...options, server: httpServer });
const srv = (web ?? node) as NonNullable<typeof web | typeof node>; // it is one of them

implement(srv);

/** Collects in several turns: what finalizers and closing handles hold goes only in a later one (4 MB on Node). */
async function heap(): Promise<Heap> {
  const { Bun: onBun, gc } = globalThis as {
    Bun?: { gc(force: boolean): void };
    gc?: () => void; // where the flag is given
  };
  for (let n = 0; n < 5; n++) {
    onBun ? onBun.gc(true) : gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { used: heapUsed, resident: rss };
}

/** What a path is answered with, or will be; `undefined` for one that is the socket's. */
function told(path: string): unknown {
  if (path.endsWith("/tally")) return { ...tally, stats: srv.stats() };
  if (path.endsWith("/heap")) return heap();
  if (!path.endsWith("/pause")) return undefined;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
  return {};
}

process.stdin.on("end", () => process.exit(0)).resume();
const hostname = "127.0.0.1";
const { Deno } = globalThis as { Deno?: DenoServeLike }; // there on Deno
async function answer(request: Request, platform: unknown): Promise<Response> {
  const upgrade = request.headers.has("upgrade"); // its target may be one that makes no URL
  const answer = upgrade ? undefined : await told(request.url);
  if (answer !== undefined) return Response.json(answer);
  return await web?.fetch(request, platform) ?? Response.error();
}
if (!web) {
  httpServer.listen(0, hostname, () => {
    console.log((httpServer.address() as AddressInfo).port); // it listens on TCP
  });
} else if (Deno) {
  const onListen = ({ port }: { port: number }) => console.log(port);
  Deno.serve({ port: 0, hostname, onListen }, answer);
} else {
  const { websocket } = web;
  console.log(Bun.serve({ port: 0, hostname, fetch: answer, websocket }).port);
}
