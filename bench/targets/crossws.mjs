// crossws on Bun with its native pub/sub, as https://crossws.h3.dev/guide/pubsub says.
import crossws from "crossws/adapters/bun";
import { echo, frame, PROTOCOL } from "./target.ts";

export function serve(_mode, opened) {
  const ws = crossws({
    hooks: {
      upgrade: () => ({ headers: { "sec-websocket-protocol": PROTOCOL } }),
      open: opened,
      message: (peer, message) => peer.send(echo(message.text())),
    },
  });
  const { port } = globalThis.Bun.serve({
    port: 0,
    websocket: ws.websocket,
    fetch: (request, server) => ws.handleUpgrade(request, server),
  });
  return Promise.resolve({
    port,
    join: (peer, room) => peer.subscribe(room),
    leave: (peer, room) => peer.unsubscribe(room),
    publish: (room, payload) => ws.publish(room, frame(payload)),
  });
}
