// A client that a laptop's lid suspends: it prints `open <id>` at every connection, and answers each line of its input
// with `pong <n>`, after a call to the server. `argv`: the server's port.
import { createInterface } from "node:readline";
import process from "node:process";
import { WebSocket } from "ws";
import { createClient } from "../../src/client/client.ts";
import type { WebSocketConstructor } from "../../src/client/client.ts";
import { api } from "../helpers/api.ts";

const client = createClient(api, {
  url: `ws://127.0.0.1:${process.argv[2]}/`,
  role: "user",
  reconnectBaseMs: 50,
  // Node 20 has none of its own.
  WebSocket: (globalThis.WebSocket ??
    WebSocket) as unknown as WebSocketConstructor,
});
client.onStatus(({ state, code }) =>
  console.log(state, code ?? "", state === "open" ? client.id ?? "" : "")
);
let calls = 0;
createInterface(process.stdin).on("line", () => {
  client.echo({ text: String(++calls) }).then(
    ({ text }) => console.log("pong", text),
    (error) => console.log("failed", String(error)),
  );
});
