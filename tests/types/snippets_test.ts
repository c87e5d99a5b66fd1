import { afterEach, expect, test } from "bun:test";
import { MemoryBus } from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { loopback } from "@super-line/edge/testing";
import { run } from "./snippets/design_client.ts";
import app from "./snippets/design_hono.ts";
import srv, { api } from "./snippets/design_server.ts";
import {
  api as messages,
  createMessagesNode,
} from "./snippets/seed_direct_messages.ts";
import { createShardNode } from "./snippets/seed_server_events.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test("the design page's server serves joins, calls and broadcasts under Bun", async () => {
  const bun = Bun.serve({
    port: 0,
    fetch: srv.fetch,
    websocket: srv.websocket,
  });
  ends.push(() => bun.stop(true));
  const client = createClient(api, { url: bun.url, role: "user" });
  ends.push(() => client.close());

  const message = new Promise((resolve) => client.on("message", resolve));
  expect(await client.join({ room: "lobby" })).toEqual({ ok: true });
  const { id } = await client.say({ room: "lobby", text: "hello" });
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await message).toEqual({ from: "ada", text: "hello" });
  // What its onConnection joined, and what join did.
  expect([...srv.local.rooms.keys()].sort()).toEqual(["lobby", "user:1"]);
});

test("the design page's client calls, listens, subscribes and ends", async () => {
  const bun = Bun.serve({
    port: 0,
    fetch: srv.fetch,
    websocket: srv.websocket,
  });
  ends.push(() => bun.stop(true));
  const id = await run({
    url: `ws://localhost:${bun.port}`,
    input: { room: "lobby", text: "hello" },
    timeoutMs: 2_000,
    signal: new AbortController().signal,
    fn: () => {},
  });
  expect(id).toEqual({ id: expect.any(String) });
});

test("the design page's Hono app serves pages and sockets from one export", async () => {
  const bun = Bun.serve({
    port: 0,
    fetch: app.fetch,
    websocket: app.websocket,
  });
  ends.push(() => bun.stop(true));
  expect(await (await fetch(bun.url)).text()).toBe("hello");
  const client = createClient(api, {
    url: new URL("/realtime", bun.url),
    role: "user",
  });
  ends.push(() => client.close());
  expect(await client.join({ room: "hono" })).toEqual({ ok: true });
});

test("the page's server event reaches every other node and not its sender", async () => {
  const bus = new MemoryBus();
  const moved: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => {
    const node = createShardNode(bus, (shard) => moved.push(name + shard));
    ends.push(() => node.srv.close());
    return node;
  });
  const offs = [a, b, c].map((node) => node?.listen());
  for (const off of offs) expect(await off?.ready).toEqual({ live: true });
  a?.emit();
  await until(() => moved.length >= 2);
  offs[1]?.();
  a?.emit();
  await until(() => moved.length >= 3);
  expect(moved.sort()).toEqual(["b3", "c3", "c3"]);
});

test("the page's direct message reaches its user on any node, and nobody else", async () => {
  const bus = new MemoryBus();
  const got: unknown[] = [];
  const connect = async (id: string) => {
    const node = createMessagesNode(bus);
    ends.push(() => node.close());
    const client = createClient(messages, {
      url: "ws://app.test",
      role: "user",
      params: { id },
      WebSocket: loopback(node),
    });
    ends.push(() => client.close());
    client.on("dm", (dm) => got.push({ to: id, ...dm }));
    await client.ready;
    return client;
  };
  const [ada] = [
    await connect("ada"),
    await connect("bob"),
    await connect("eve"),
  ];
  await ada.send({ to: "bob", text: "psst" });
  await until(() => got.length > 0);
  await ada.send({ to: "ada", text: "note" });
  await until(() => got.length > 1);
  expect(got).toEqual([
    { to: "bob", from: "ada", text: "psst" },
    { to: "ada", from: "ada", text: "note" },
  ]);
});

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 2_000;
  while (!done()) {
    if (performance.now() > end) throw new Error("It did not happen in 2 s");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
