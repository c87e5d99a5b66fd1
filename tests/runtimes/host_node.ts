/** Serves the nodes on Node; `hono` as argument puts Hono in front. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { serve, upgradeWebSocket } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { createSocketServer } from "../../mod.ts";
import {
  createSocketServer as createOnNode,
  type HttpNode,
} from "../../src/node.ts";
import { api, packed } from "./api.ts";
import { createHonoApp } from "./hono_app.ts";
import { Nodes } from "./nodes.ts";

if (process.argv.includes("hono")) serveHono();
else servePlain();
process.stdin.on("end", () => process.exit(0)).resume();

function servePlain(): void {
  const server = createServer((incoming, answer) => {
    const node = nodes.at(`http://localhost${incoming.url}`)?.srv;
    if (node && "answer" in node) {
      const { answer: take } = node as unknown as HttpNode<never, never>; // createOnNode made it
      if (take(incoming, answer)) return;
    }
    nodes.http(requestOf(incoming)).then(async (response) => {
      answer.writeHead(response.status, Object.fromEntries(response.headers));
      answer.end(await response.text());
    });
  });
  const nodes = new Nodes({
    json: (options) => createOnNode(api, { server, ...options }),
    packed: (options) => createOnNode(packed, { server, ...options }),
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(`port ${(server.address() as AddressInfo).port}`); // it listens on TCP
  });
}

function serveHono(): void {
  const nodes = new Nodes({
    json: (options) => createSocketServer(api, options),
    packed: (options) => createSocketServer(packed, options),
  });
  const app = createHonoApp(nodes, {
    upgradeWebSocket: upgradeWebSocket as never, // structurally the same
  });
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: 1_048_576,
    handleProtocols: () => "superline.v1",
  });
  serve(
    {
      fetch: app.fetch,
      port: 0,
      hostname: "127.0.0.1",
      websocket: { server: wss as never }, // its types differ in exactOptionalPropertyTypes
    },
    ({ port }) => console.log(`port ${port}`),
  );
}

function requestOf({ url, headers, method }: IncomingMessage): Request {
  return new Request(new URL(url ?? "/", `http://${headers.host}`), {
    method: method ?? "GET",
  });
}
