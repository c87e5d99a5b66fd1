/** Serves a node of the cluster suite on Node. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSocketServer } from "../../../src/node.ts";
import { api } from "./api.ts";
import { runNode } from "./node_program.ts";

const server = createServer();
await runNode((options) => createSocketServer(api, { server, ...options }));
server.listen(0, "127.0.0.1", () => {
  console.log(`port ${(server.address() as AddressInfo).port}`); // it listens on TCP
});
