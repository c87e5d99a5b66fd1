/**
 * `http_clients.ts <port> <kind> <connections> <in flight>`: whole clients over a WebSocket, HTTP or long-polling, and
 * Socket.IO's over its long-polling. A line with a number makes that many requests; the answer says how long they took.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { createClient, webSocket } from "../../src/client/client.ts";
import { http } from "../../src/client/http.ts";
import { defineContract } from "../../mod.ts";
import { event, input, output } from "../targets/target.ts";

const api = defineContract({
  shared: {
    clientToServer: { echo: { input, output } },
    serverToClient: { m: { payload: event } },
  },
  roles: { user: {} },
});

const [port = "", kind = "", connections = "1", inFlight = "1"] = process.argv
  .slice(2);
type Ask = (given: { n: number; text: string }) => Promise<unknown>;

async function dial(): Promise<Ask> {
  if (kind === "socketio") {
    const { io } = await import("socket.io-client" as string);
    const socket = io(`http://127.0.0.1:${port}`, {
      transports: ["polling"],
      forceNew: true,
    });
    await new Promise((resolve) => socket.on("connect", resolve));
    return (given) => socket.emitWithAck("echo", given);
  }
  const client = createClient(api, {
    url: `http://127.0.0.1:${port}`,
    role: "user",
    transport: [
      kind === "websocket"
        ? webSocket()
        : http({ longPolling: kind === "poll" }),
    ],
  });
  await client.ready;
  return (given) => client.echo(given);
}

const clients: Ask[] = [];
for (let n = 0; n < Number(connections); n++) clients.push(await dial());
console.log(JSON.stringify({ open: clients.length }));

for await (const line of createInterface({ input: process.stdin })) {
  let left = Number(line);
  const start = performance.now();
  const worker = async (ask: Ask) => {
    while (left-- > 0) await ask({ n: 7, text: "x".repeat(40) });
  };
  await Promise.all(
    clients.flatMap((ask) =>
      Array.from({ length: Number(inFlight) }, () => worker(ask))
    ),
  );
  console.log(JSON.stringify({ ms: performance.now() - start }));
}
