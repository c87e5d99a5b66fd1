// The app. That there are several nodes is the adapter's matter, and nothing
// else here knows of it.
import {
  type Adapter,
  createSocketServer,
  SocketError,
} from "@super-line/edge";
import { api, type Message } from "./api.ts";

/** Creates one node; resolves when it hears the others, or is alone for now. */
export async function createApp(node: string, adapter: Adapter) {
  const srv = createSocketServer(api, {
    adapter,
    path: "/realtime",
    authenticate: (request) => {
      const name = new URL(request.url).searchParams.get("name") ?? "";
      if (!/^[\p{L}\d ]{1,24}$/u.test(name)) {
        throw new SocketError("FORBIDDEN", "A name has 1 to 24 letters");
      }
      return { role: "user", ctx: { name } };
    },
    // Awaited before the client may send: it then hears all nodes.
    onConnection: async (conn, { name }) => {
      conn.emit("welcome", { node });
      await Promise.all([
        srv.room("lobby").add(conn),
        srv.room(`user:${name}`).add(conn),
      ]);
    },
  });

  const write = (from: string, text: string): Message => ({
    id: crypto.randomUUID(),
    from,
    node,
    text,
  });

  srv.implement({
    shared: {
      announce: ({ text }, { name }) => {
        const message = write(name, text);
        srv.publish("news", message);
        return message;
      },
      say: ({ text }, { name }) => {
        const message = write(name, text);
        srv.room("lobby").broadcast("said", message);
        return message;
      },
      whisper: ({ to, text }, { name }) => {
        const message = write(name, text);
        srv.room(`user:${to}`).broadcast("whispered", message);
        return message;
      },
      tellNodes: ({ text }, { name }) => {
        const message = write(name, text);
        srv.emitServer("note", message);
        return message;
      },
    },
  });

  // Each of the other nodes hears it once, and tells whom it has.
  await srv.onServer("note", (message) => {
    for (const conn of srv.local.connections) conn.emit("told", message);
  }).ready;
  return srv;
}
