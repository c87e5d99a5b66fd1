/** Node with `ws` alone: `plain` sends in a loop, `batched` joins what one turn sends. */
import { createServer, type Server } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { Rooms } from "./rooms.ts";
import { echo, type Target } from "./target.ts";

/** Listens with an HTTP server. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, ready));
  return (server.address() as { port: number }).port; // it listens on TCP
}

export async function serve(
  mode: string,
  opened: (conn: WebSocket) => void,
): Promise<Target<WebSocket>> {
  const rooms = new Rooms<WebSocket>();
  const server = createServer();
  new WebSocketServer({
    server,
    perMessageDeflate: false,
    clientTracking: false,
  }).on("connection", (ws) => {
    ws.on("message", (data) => ws.send(echo(String(data))));
    ws.on("error", () => {});
    opened(ws);
  });
  return {
    port: await listen(server),
    ...(mode === "batched" ? rooms.batched : rooms.plain),
  };
}
