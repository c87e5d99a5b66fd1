/** Bun without a library: `native` publishes, `plain` sends in a loop. */
import { Rooms } from "./rooms.ts";
import { echo, frame, PROTOCOL, type Target } from "./target.ts";

type Conn = Bun.ServerWebSocket<undefined>;

export function serve(
  mode: string,
  opened: (conn: Conn) => void,
): Promise<Target<Conn>> {
  const rooms = new Rooms<Conn>();
  const headers = { "sec-websocket-protocol": PROTOCOL };
  const server = Bun.serve<undefined>({
    port: 0,
    fetch(request, it) {
      it.upgrade(request, { headers, data: undefined });
    },
    websocket: {
      perMessageDeflate: false,
      open: opened,
      message: (ws, text) => void ws.send(echo(String(text))),
    },
  });
  const port = server.port ?? 0;
  return Promise.resolve(
    mode === "native"
      ? {
        port,
        join: (conn, room) => conn.subscribe(room),
        leave: (conn, room) => conn.unsubscribe(room),
        publish: (room, payload) => {
          server.publish(room, frame(payload), false);
        },
      }
      : { port, ...rooms.plain },
  );
}
