// Coming from Socket.IO: each habit, and what it is here.
// Prints:
//   ada: delivered
//   grace: ada joined, somebody types, ada: hi
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const line = z.object({ room: z.string(), text: z.string() });
// interface ClientToServerEvents { … }: types that are checked at run time too
const api = defineContract({
  shared: {
    clientToServer: {
      // socket.emit("join", room, callback): an acknowledgement is an answer
      join: { input: z.string(), output: z.null() },
      say: { input: line, output: z.string() },
      // socket.volatile.emit("typing"): lost while offline, never answered
      typing: { input: z.string() },
    },
    serverToClient: {
      joined: { payload: z.object({ id: z.string(), name: z.string() }) },
      said: { payload: z.object({ id: z.string(), text: z.string() }) },
      typing: { payload: z.null() },
    },
  },
  roles: { user: {} }, // a namespace is a role, or a server on another path
});

const srv = createSocketServer(api, {
  // io.use((socket, next) => …) with socket.handshake.auth.token
  authenticate: (_request, { token }) => ({
    role: "user",
    ctx: { name: token ?? "nobody" }, // socket.data
  }),
});
srv.implement({
  shared: {
    // socket.on("join", …), socket.join(room)
    join: async (room, { name }, conn) => {
      await srv.room(room).add(conn);
      // socket.to(room).emit(…): all but the sender, who knows its own id
      srv.room(room).broadcast("joined", { id: conn.id, name });
      return null;
    },
    // io.to(room).emit(…)
    say: ({ room, text }, { name }, { id }) => {
      srv.room(room).broadcast("said", { id, text: `${name}: ${text}` });
      return "delivered";
    },
    typing: (room) => srv.room(room).broadcast("typing", null),
  },
});
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

// io(url, { auth: { token } })
const connect = (token: string) =>
  createClient(api, { url: server.url, role: "user", token });
const [ada, grace] = [connect("ada"), connect("grace")];
// socket.on("connect", …): rooms are yours to rejoin
for (const client of [ada, grace]) {
  client.onReconnect(() => void client.join("lobby"));
}
const heard: string[] = [];
grace.on("joined", ({ id, name }) => { // socket.on("joined", …)
  if (id !== grace.id) heard.push(`${name} joined`);
});
grace.on("typing", () => heard.push("somebody types"));
grace.on("said", ({ text }) => heard.push(text));
await grace.join("lobby");
await ada.join("lobby");
ada.typing("lobby");
// await socket.timeout(5_000).emitWithAck("say", …)
const hi = { room: "lobby", text: "hi" };
console.log("ada:", await ada.say(hi, { timeoutMs: 5_000 }));
await grace.join("cellar"); // what was sent to her before has arrived
console.log("grace:", heard.join(", "));
for (const client of [ada, grace]) client.close();
await srv.close();
await server.stop();
