// Rooms, and messages to one person on however many devices.
// Prints:
//   grace's laptop: ada whispers psst
//   grace's phone: ada says hello
//   grace's phone: ada whispers psst
import { z } from "zod";
import { createSocketServer, defineContract } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";

const line = z.object({ text: z.string() });
const text = line.extend({ from: z.string() });
const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: z.object({ room: z.string() }), output: z.null() },
      say: { input: line.extend({ room: z.string() }), output: z.null() },
      whisper: { input: line.extend({ to: z.string() }), output: z.null() },
    },
    serverToClient: { said: { payload: text }, whispered: { payload: text } },
  },
  roles: { user: {} },
});

const srv = createSocketServer(api, {
  authenticate: (request) => ({
    role: "user",
    ctx: { name: new URL(request.url).searchParams.get("name") ?? "nobody" },
  }),
  // All connections of one person are a room of their own, on every node.
  onConnection: (conn, { name }) => srv.room(`user:${name}`).add(conn),
});
srv.implement({
  shared: {
    join: async ({ room }, _ctx, conn) => {
      await srv.room(room).add(conn);
      return null;
    },
    say: ({ room, text }, { name }) => {
      srv.room(room).broadcast("said", { from: name, text });
      return null;
    },
    whisper: ({ to, text }, { name }) => {
      srv.room(`user:${to}`).broadcast("whispered", { from: name, text });
      return null;
    },
  },
});
const { fetch, websocket } = srv;
const server = Bun.serve({ port: 0, fetch, websocket });

const connect = (name: string) =>
  createClient(api, { url: server.url, role: "user", params: { name } });
const [ada, phone] = [connect("ada"), connect("grace")];
const laptop = connect("grace");
const heard: string[] = [];
for (const [device, client] of Object.entries({ phone, laptop })) {
  client.on(
    "said",
    ({ from, text }) => heard.push(`grace's ${device}: ${from} says ${text}`),
  );
  client.on(
    "whispered",
    ({ from, text }) =>
      heard.push(`grace's ${device}: ${from} whispers ${text}`),
  );
  await client.ready;
}
await phone.join({ room: "lobby" }); // the laptop is not in it
await ada.say({ room: "lobby", text: "hello" }); // nor is she herself
await ada.whisper({ to: "grace", text: "psst" });
// What was sent to a client before it asks arrives before its answer.
for (const client of [phone, laptop]) await client.join({ room: "cellar" });
for (const line of heard.toSorted()) console.log(line);

for (const client of [ada, phone, laptop]) client.close();
await srv.close();
await server.stop();
