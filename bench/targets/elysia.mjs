// Elysia on Bun: its own schemas for what comes in, Bun's publish for what goes out, as
// https://elysiajs.com/patterns/websocket says.
import { Elysia, t } from "elysia";
import { frame, PROTOCOL } from "./target.ts";

export function serve(_mode, opened) {
  const input = t.Object({ n: t.Number(), text: t.String() });
  const app = new Elysia().ws("/", {
    body: t.Tuple([t.String(), t.Number(), t.String(), input]),
    upgrade: ({ set }) => {
      set.headers["sec-websocket-protocol"] = PROTOCOL;
    },
    open: opened,
    message: (ws, [, id, , given]) => {
      ws.send(["res", id, { answer: given.text }]);
    },
  }).listen(0);
  return Promise.resolve({
    port: app.server.port,
    join: (ws, room) => ws.subscribe(room),
    leave: (ws, room) => ws.unsubscribe(room),
    publish: (room, payload) => app.server.publish(room, frame(payload), false),
  });
}
