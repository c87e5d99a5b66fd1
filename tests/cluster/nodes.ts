/** Several nodes on one bus, with clients. Tests say `afterEach(endAll)`. */
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { createClient } from "../../src/client/client.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";
import { loopback } from "../../src/testing/mod.ts";
import {
  api,
  createTestServer,
  type Made,
  type Overrides,
  type TestOptions,
  type TestServer,
} from "../helpers/api.ts";

/** What is to be done after the test, last first. */
export const endings: (() => unknown)[] = [];

/** Ends what a test made. */
export async function endAll(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}

/** Adds a node to a bus. */
export function node(
  bus: MemoryBus,
  handlers: Overrides = {},
  options: TestOptions = {},
): Made {
  const made = createTestServer(
    { adapter: createInMemoryAdapter(bus), ...options },
    handlers,
  );
  endings.push(() => made.srv.close());
  return made;
}

/** Three nodes on one bus. */
export function cluster(handlers: Overrides = {}) {
  const bus = new MemoryBus();
  const nodes = [node(bus, handlers), node(bus, handlers), node(bus, handlers)];
  const [a, b, c] = nodes.map(({ srv }) => srv) as Three;
  return { bus, nodes, a, b, c };
}

export type Three = [TestServer, TestServer, TestServer];

export function client(srv: TestServer) {
  const it = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
  });
  endings.push(() => it.close());
  return it;
}

export function agent(srv: TestServer) {
  const it = createClient(api, {
    url: "ws://app.test",
    role: "agent",
    WebSocket: loopback(srv),
  });
  endings.push(() => it.close());
  return it;
}

/** A client that is in a room, and what it got there. */
export async function member(srv: TestServer, room = "lobby") {
  const it = client(srv);
  const got: number[] = [];
  it.on("message", ({ n }) => got.push(n));
  const joined = await it.join({ room });
  return { client: it, got, joined };
}

/** A node that speaks to the bus directly. */
export function raw(bus: MemoryBus) {
  const host = new RecordingHost();
  const adapter = createInMemoryAdapter(bus);
  adapter.open(host);
  endings.push(() => adapter.close());
  return { host, adapter };
}

export const upTo = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => from + at);
