// oRPC over WebSocket, on Bun and on Node, as https://orpc.dev/docs/adapters/websocket says; both ways validated.
import { createServer } from "node:http";
import { os } from "@orpc/server";
import { listen } from "./node.ts";
import { input, output } from "./target.ts";

const router = {
  echo: os.input(input).output(output)
    .handler(({ input }) => ({ answer: input.text })),
};

export async function serve() {
  if ("Bun" in globalThis) {
    const { RPCHandler } = await import("@orpc/server/bun-ws");
    const handler = new RPCHandler(router);
    const { port } = globalThis.Bun.serve({
      port: 0,
      fetch: (request, server) => server.upgrade(request),
      websocket: {
        message: (ws, message) => handler.message(ws, message, { context: {} }),
        close: (ws) => handler.close(ws),
      },
    });
    return { port };
  }
  const { RPCHandler } = await import("@orpc/server/ws");
  const { WebSocketServer } = await import("ws");
  const handler = new RPCHandler(router);
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on("connection", (ws) => handler.upgrade(ws, { context: {} }));
  return { port: await listen(server) };
}
