// tRPC 11 over WebSocket on Node, as https://trpc.io/docs/server/websockets says; input and output validated.
import { createServer } from "node:http";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocketServer } from "ws";
import { listen } from "./node.ts";
import { input, output } from "./target.ts";

export async function serve() {
  const t = initTRPC.create();
  const router = t.router({
    echo: t.procedure.input(input).output(output)
      .query(({ input }) => ({ answer: input.text })),
  });
  const server = createServer();
  const wss = new WebSocketServer({ server, perMessageDeflate: false });
  applyWSSHandler({ wss, router });
  return { port: await listen(server) };
}
