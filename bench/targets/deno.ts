/** Deno without a library: `plain` sends in a loop, `batched` joins what one turn sends. */
import { Rooms } from "./rooms.ts";
import { echo, PROTOCOL, type Target } from "./target.ts";

/** What is used of Deno; Bun's own types are there. */
interface DenoLike {
  upgradeWebSocket(
    request: Request,
    options: { protocol: string },
  ): { socket: WebSocket; response: Response };
  serve(
    options: { port: number; onListen: () => void },
    handler: (request: Request) => Response | Promise<Response>,
  ): { addr: { port: number } };
}

/** Listens with a fetch handler. */
export function listen(
  handler: (request: Request) => Response | Promise<Response>,
): number {
  const { Deno } = globalThis as unknown as { Deno: DenoLike }; // this file is loaded there only
  return Deno.serve({ port: 0, onListen() {} }, handler).addr.port;
}

export function serve(
  mode: string,
  opened: (conn: WebSocket) => void,
): Promise<Target<WebSocket>> {
  const { Deno } = globalThis as unknown as { Deno: DenoLike };
  const rooms = new Rooms<WebSocket>();
  const port = listen((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: PROTOCOL,
    });
    socket.onopen = () => opened(socket);
    socket.onmessage = ({ data }) => socket.send(echo(String(data)));
    socket.onerror = () => {};
    return response;
  });
  return Promise.resolve({
    port,
    ...(mode === "batched" ? rooms.batched : rooms.plain),
  });
}
