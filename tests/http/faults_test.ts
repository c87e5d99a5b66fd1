/** The HTTP transport through proxies that lose, cut and repeat: nothing is lost, doubled or reordered. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { http, type HttpTransportOptions } from "../../src/client/http.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";
import { type Faults, startProxy } from "./proxy.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        count: { input: z.number(), output: z.number() },
        note: { input: z.number() },
        count_bytes: { input: z.string(), output: z.number() },
      },
      serverToClient: { counted: { payload: z.number() } },
    },
  },
});

function start() {
  const handled: number[] = [];
  const noted: number[] = [];
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" }),
    limits: { framesPerSecond: 10_000, frameBurst: 10_000 },
  });
  srv.implement({
    user: {
      count: (n, _ctx, conn) => {
        handled.push(n);
        conn.emit("counted", n);
        return n;
      },
      note: (n) => void noted.push(n),
      count_bytes: (text) => text.length,
    },
  });
  return { srv, handled, noted };
}

/** Calls, signals and events through a proxy; each has to arrive once and in order. */
async function talk(
  faults: Faults,
  options: HttpTransportOptions,
  messages: number,
) {
  const { srv, handled, noted } = start();
  await using running = serve(srv, srv);
  let seed = 42; // a linear congruential generator: the same faults in every run
  const random = () =>
    (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  await using proxy = startProxy(
    [running.url.replace("ws", "http").slice(0, -1)],
    faults,
    random,
  );
  const client = createClient(api, {
    url: proxy.url,
    role: "user",
    transport: [http(options)],
    reconnect: false,
    timeoutMs: 30_000,
  });
  const counted: number[] = [];
  client.on("counted", (n) => void counted.push(n));
  await client.ready;
  const answers: number[] = [];
  for (let n = 0; n < messages; n += 5) {
    client.note(n);
    const calls = [0, 1, 2, 3, 4].map((at) => client.count(n + at));
    for (const call of calls) answers.push(await call);
  }
  const all = Array.from({ length: messages }, (_, n) => n);
  await until(() => counted.length >= messages, undefined, 10_000);
  expect(answers).toEqual(all);
  expect(handled).toEqual(all);
  expect(counted).toEqual(all);
  expect(noted).toEqual(all.filter((n) => n % 5 === 0));
  const { happened } = proxy;
  client.close();
  await until(() => srv.local.connections.length === 0);
  return happened;
}

for (const longPolling of [false, true]) {
  const name = longPolling ? "long-polling" : "streaming";
  test(
    `${name}: a proxy that drops one in twenty answers and repeats one in twenty POSTs`,
    async () => {
      const happened = await talk(
        { dropShare: 0.05, repeatShare: 0.05 },
        { longPolling },
        500,
      );
      expect(happened.dropped).toBeGreaterThan(3);
      expect(happened.repeated).toBeGreaterThan(3);
    },
    60_000,
  );

  test(`${name}: a proxy that cuts every response`, async () => {
    const happened = await talk(
      { cutAfterMs: 10 },
      { longPolling },
      3_000,
    );
    if (!longPolling) expect(happened.cut).toBeGreaterThan(3);
  }, 60_000);
}

test(
  "a proxy that holds responses until they end: the client polls instead",
  async () => {
    await talk({ hold: true }, {}, 50);
  },
  60_000,
);

test("a proxy that cuts idle responses", async () => {
  const { srv } = start();
  await using running = serve(srv, srv);
  await using proxy = startProxy(
    [running.url.replace("ws", "http").slice(0, -1)],
    { cutIdleMs: 150 },
  );
  const client = createClient(api, {
    url: proxy.url,
    role: "user",
    transport: [http()],
    reconnect: false,
  });
  await client.ready;
  await until(() => proxy.happened.cut > 3, undefined, 10_000);
  expect(await client.count(7)).toBe(7);
  expect(client.state).toBe("open");
  client.close();
}, 30_000);

test("a message that a proxy refuses as too large is explained", async () => {
  const { srv } = start();
  await using running = serve(srv, srv);
  const target = running.url.replace("ws", "http").slice(0, -1);
  const client = createClient(api, {
    url: target,
    role: "user",
    reconnect: false,
    transport: [http({
      fetch: (url, init) =>
        String(init.body ?? "").length > 10_000
          ? Promise.resolve(new Response("too large", { status: 413 }))
          : fetch(url, init),
    })],
  });
  const ended = new Promise<string | undefined>((resolve) =>
    client.onStatus(({ state, reason }) =>
      state === "closed" && resolve(reason)
    )
  );
  await client.ready;
  client.count_bytes("x".repeat(20_000)).catch(() => {}); // it rejects with the connection
  expect(await ended).toBe("a proxy refused a message as too large (413)");
});
