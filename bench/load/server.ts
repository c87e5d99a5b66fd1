// The server of the load benches, on the runtime that runs it. Prints its port; answers /look with what it holds after
// a forced collection. Sends a tick to all, TICKS a second, once a client called "filled" has been sent FILL bytes.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createSocketServer } from "../../mod.ts";
import { createSocketServer as createOnNode } from "../../src/node.ts";
import { api } from "./api.ts";

/** What `/look` answers. */
export interface Look {
  readonly heap: number;
  readonly resident: number;
  readonly stats: ReturnType<typeof srv.stats>;
}

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const { TICKS = "0", FILL = "0" } = process.env;

const options = {
  limits: { handshakesPerSecond: 1_000_000 },
  authenticate: (request: Request) => ({
    role: "user" as const,
    ctx: { name: new URL(request.url).searchParams.get("name") ?? "" },
  }),
};
const httpServer = createServer((_request, response) => {
  response.end(JSON.stringify(look()));
});
const onNode = !("Bun" in globalThis || "Deno" in globalThis);
const web = onNode ? undefined : createSocketServer(api, options);
const srv = web ?? createOnNode(api, { ...options, server: httpServer });

srv.implement({
  shared: {
    echo: ({ text }) => text,
    slow: async ({ ms }) => {
      await after(ms);
      return null;
    },
    join: async ({ room }, { name }, conn) => {
      await srv.room(room).add(conn);
      if (name === "filled") fill(conn).catch(console.error);
      return null;
    },
    say: ({ room }) => {
      srv.room(room).broadcast("said", { pad: "x".repeat(200) });
      return null;
    },
    announce: () => {
      srv.publish("news", { pad: "x".repeat(200) });
      return null;
    },
    typing: () => {},
  },
});

/** More than the kernel takes for a reader that stopped; then the ticks begin. */
async function fill(
  conn: { emit(event: "said", data: { pad: string }): void },
): Promise<void> {
  const pad = "x".repeat(10_000);
  for (let bytes = 0; bytes < Number(FILL); bytes += pad.length) {
    conn.emit("said", { pad });
    if (bytes % (20 * pad.length) === 0) await after(1);
  }
  const at = () => performance.timeOrigin + performance.now();
  setInterval(
    () => srv.room("all").broadcast("tick", { at: at() }),
    1_000 / Number(TICKS),
  );
}

function look(): unknown {
  const { Bun: onBun, gc } = globalThis as {
    Bun?: { gc(force: boolean): void };
    gc?: () => void; // where the flag is given
  };
  for (let n = 0; n < 3; n++) onBun ? onBun.gc(true) : gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss, stats: srv.stats() };
}

const hostname = "127.0.0.1";
const { Deno } = globalThis as { Deno?: DenoServeLike }; // there on Deno
interface DenoServeLike {
  serve(
    options: {
      port: number;
      hostname: string;
      onListen(address: { port: number }): void;
    },
    handler: (request: Request, info: unknown) => Promise<Response>,
  ): unknown;
}
async function answer(request: Request, platform: unknown): Promise<Response> {
  if (request.url.endsWith("/look")) return Response.json(look());
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
process.stdin.on("end", () => process.exit(0)).resume(); // its driver is gone
