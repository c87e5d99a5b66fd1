// Socket.IO 4: on Bun by its own engine, elsewhere on node:http, as https://socket.io/docs/v4/performance-tuning says:
// bufferutil is installed, the first HTTP request is let go of, compression is off (the default).
import { createServer } from "node:http";
import { Server } from "socket.io";
import { input } from "./target.ts";
import { listen } from "./node.ts";

const pingInterval = 80_000; // the raw clients of the bench answer no ping; Bun allows no longer silence

export async function serve(_mode, opened) {
  const io = new Server({ pingInterval });
  let port;
  if ("Bun" in globalThis) {
    const { Server: Engine } = await import("@socket.io/bun-engine");
    const engine = new Engine({ path: "/socket.io/", pingInterval });
    io.bind(engine);
    port = globalThis.Bun.serve({ ...engine.handler(), port: 0 }).port;
  } else {
    const server = createServer();
    io.attach(server, { pingInterval });
    io.engine.on("connection", (socket) => socket.request = null);
    port = await listen(server);
  }
  io.on("connection", (socket) => {
    socket.on("echo", (given, answer) => {
      answer({ answer: input.parse(given).text });
    });
    opened(socket);
  });
  return {
    port,
    join: (socket, room) => socket.join(room),
    leave: (socket, room) => socket.leave(room),
    publish: (room, payload) => io.to(room).emit("m", payload),
  };
}
