import { afterEach, expect, test } from "bun:test";
import { createClient } from "@super-line/edge/client";
import { run } from "./snippets/design_client.ts";
import app from "./snippets/design_hono.ts";
import srv, { api } from "./snippets/design_server.ts";

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
