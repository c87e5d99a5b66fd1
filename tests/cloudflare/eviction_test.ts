/** A Durable Object whose memory is taken away in the middle of everything, in real workerd. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type Client,
  type ClientOptions,
  type ClientStatus,
  createClient,
} from "../../src/client/client.ts";
import { pause } from "../../src/testing/assert.ts";
import { rejection, until, within } from "../helpers/wait.ts";
import { api } from "./evicted_worker.ts";
import { bundleWorker, dates, startWorker, type Workerd } from "./workerd.ts";

/** How long anything may take here, on a slow machine. */
const PATIENCE_MS = 15_000;

type User = Client<(typeof api)["definition"], "user">;

describe.each(Object.entries(dates))("at the %s date", (_which, date) => {
  let worker: Workerd;
  const open: { close(): void }[] = [];

  beforeAll(async () => {
    const script = await bundleWorker("tests/cloudflare/evicted_worker.ts");
    worker = await startWorker(script, { CHAT: "Chat" }, { date });
  }, 60_000);

  afterAll(async () => {
    for (const it of open) it.close();
    await worker[Symbol.asyncDispose]();
  });

  /** One object, which no other test has. */
  function object(kind = "calm") {
    const name = `${kind} ${crypto.randomUUID()}`;
    const ask = (path: string) =>
      fetch(`${worker.origin}/${path}?object=${encodeURIComponent(name)}`);
    const counts = async () =>
      await (await ask("counts")).json() as Record<string, number>;
    const dial = (
      params: Record<string, string>,
      options: Partial<ClientOptions<"user">> = {},
    ): User => {
      const client = createClient(api, {
        url: worker.origin,
        role: "user",
        params: { object: name, ...params },
        timeoutMs: PATIENCE_MS,
        reconnectBaseMs: 20,
        ...options,
      });
      open.push(client);
      return client;
    };
    return {
      name,
      dial,
      evict: () => worker.evict("Chat", name),
      ask,
      counts,
      /** Resolves when it has counted that. */
      async counted(what: string) {
        const end = Date.now() + PATIENCE_MS;
        for (;;) {
          const all = await counts();
          if (all[what]) return all;
          if (Date.now() > end) {
            throw new Error(
              `No ${what} in ${Object.keys(all).join().slice(0, 999)}`,
            );
          }
          await pause(50);
        }
      },
      /** One after the other: after two upgrades at once workerd finds that the object is still in use. */
      async user(
        params: Record<string, string> = { name: "ada" },
        options: Partial<ClientOptions<"user">> = {},
      ): Promise<User> {
        const client = dial(params, options);
        await within(client.ready, PATIENCE_MS);
        return client;
      },
    };
  }

  /** What was told last. */
  const statusOf = (client: User) => {
    const told: ClientStatus[] = [];
    client.onStatus((status) => void told.push(status));
    return told;
  };

  const said = (client: User) => {
    const got: number[] = [];
    client.on("said", ({ n }) => void got.push(n));
    return got;
  };

  test(
    "ids, ctx, data, rooms and topics survive, and onConnection does not run again",
    async () => {
      const { user, evict, counts } = object();
      const [ada, bob] = [await user(), await user({ name: "bob" })];
      const [first, inRoom] = [await ada.whoami({}), said(ada)];
      const news: number[] = [];
      const { live } = await ada.subscribe("news", ({ n }) => void news.push(n))
        .ready;
      expect(live).toBe(true);
      const order: number[] = [];
      await ada.subscribe("order", { id: "1" }, ({ n }) => void order.push(n))
        .ready;
      await ada.join({ rooms: ["a", "b"] });
      expect((await ada.leave({ room: "b" })).n).toBe(1);

      for (const n of [1, 2]) {
        await evict();
        expect((await bob.say({ room: "a", n })).n).toBe(1);
        expect((await bob.say({ room: "b", n: -1 })).n).toBe(0);
        await evict();
        await bob.publish({ n });
      }
      await until(
        () => news.length === 2 && inRoom.length === 2,
        undefined,
        PATIENCE_MS,
      );
      const { wake, ...again } = await ada.whoami({});
      expect(again).toEqual({ ...first, wake: undefined } as never);
      expect(wake).not.toBe(first.wake);
      expect(again.tags).toEqual(["a", "b"]);
      expect([inRoom, news, order]).toEqual([[1, 2], [1, 2], [1, 2]]);
      expect(await counts()).toMatchObject({ onConnection: 2, wake: 5 });
    },
    60_000,
  );

  test(
    "every broadcast arrives once and in order, with evictions between and during them",
    async () => {
      const { user, evict } = object();
      const [ada, bob] = [await user(), await user({ name: "bob" })];
      const got = said(ada);
      await ada.join({ rooms: ["a"] });
      const evictions: Promise<void>[] = [];
      for (let n = 1; n <= 60; n++) {
        const call = bob.say({ room: "a", n });
        if (n % 10 === 0) evictions.push(evict());
        await call;
      }
      await Promise.all(evictions);
      await until(() => got.length >= 60, undefined, PATIENCE_MS);
      expect(got).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
    },
    60_000,
  );

  test(
    "an object with a call in flight is not evicted: the reply comes",
    async () => {
      const { user, evict } = object();
      const ada = await user();
      const { wake } = await ada.whoami({});
      const call = ada.wait({ ms: 400 });
      await ada.whoami({}); // the call has come
      const evicted = evict().catch(String); // waits for it, or gives up
      expect(await call).toEqual({ n: 400 });
      await evicted;
      expect((await ada.whoami({})).wake).not.toBe(wake);
    },
    60_000,
  );

  test("a subscription in flight is finished before an eviction", async () => {
    const { user, evict } = object();
    const ada = await user();
    const got: number[] = [];
    const late = ada.subscribe("late", ({ n }) => void got.push(n));
    await ada.whoami({}); // the sub has come
    const evicted = evict().catch(String);
    expect(await late.ready).toEqual({ live: true });
    await evicted;
    await ada.publish({ n: 1 });
    await until(() => got.length > 0, undefined, PATIENCE_MS);
    expect(got).toEqual([1]);
  }, 60_000);

  test(
    "an object that dies ends calls in flight with DISCONNECTED, and the client comes back",
    async () => {
      const { user, ask, counts } = object();
      const ada = await user();
      const { id } = ada;
      const call = rejection(ada.wait({ ms: 60_000 }));
      await ada.whoami({});
      await ask("abort");
      expect(await call).toMatchObject({ code: "DISCONNECTED" });
      await until(() => ada.id !== id && ada.id, undefined, PATIENCE_MS);
      expect((await ada.whoami({})).name).toBe("ada");
      expect((await counts())["onConnection"]).toBe(2);
    },
    60_000,
  );

  test(
    "an object that dies between a subscription and its answer: it is live after the client has come back",
    async () => {
      const { user, ask } = object();
      const ada = await user();
      const { id } = ada;
      const got: number[] = [];
      const late = ada.subscribe("late", ({ n }) => void got.push(n));
      await ada.whoami({}); // the sub has come
      await ask("abort");
      expect(await within(late.ready, PATIENCE_MS)).toEqual({ live: true });
      expect(ada.id).not.toBe(id);
      await ada.publish({ n: 1 });
      await until(() => got.length > 0, undefined, PATIENCE_MS);
      expect(got).toEqual([1]);
    },
    60_000,
  );

  test(
    "an object that dies during broadcasts: what comes is in order and once, and what was not answered is DISCONNECTED",
    async () => {
      const { user, ask } = object();
      const [ada, bob] = [await user(), await user({ name: "bob" })];
      const { id } = ada;
      const got = said(ada);
      await ada.join({ rooms: ["a"] });
      const calls = Array.from(
        { length: 200 },
        (_, n) => bob.say({ room: "a", n }),
      );
      const outcomes = Promise.allSettled(calls);
      await calls[0];
      await ask("abort");
      for (const outcome of await outcomes) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason).toMatchObject({ code: "DISCONNECTED" });
      }
      await until(() => ada.id !== id && ada.id, undefined, PATIENCE_MS);
      await ada.join({ rooms: ["a"] }); // a new connection is in no room
      await bob.say({ room: "a", n: 999 });
      await until(() => got.at(-1) === 999, undefined, PATIENCE_MS);
      expect(got).toEqual([...new Set(got)].sort((a, b) => a - b));
    },
    60_000,
  );

  test(
    "memberships that the attachment cannot hold are in storage while they last",
    async () => {
      const { user, evict, counts, counted } = object();
      const [ada, bob] = [await user(), await user({ name: "bob" })];
      const rooms = Array.from(
        { length: 900 },
        (_, at) => `${at} ${"é".repeat(90)}`,
      );
      await ada.join({ rooms });
      expect((await counts())["kept in storage"]).toBeGreaterThan(1);
      const got = said(ada);
      await evict();
      for (const n of [0, 899]) {
        expect((await bob.say({ room: rooms[n] ?? "", n })).n).toBe(1);
      }
      await until(() => got.length === 2, undefined, PATIENCE_MS);
      expect((await ada.leave({ room: rooms[0] ?? "" })).n).toBe(899);
      await evict();
      expect((await bob.say({ room: rooms[0] ?? "", n: 1 })).n).toBe(0);
      ada.close();
      await counted("onDisconnect ada 1000");
      expect(await counts()).not.toHaveProperty("kept in storage");
    },
    60_000,
  );

  test(
    "ctx and data that are too large are refused with both sizes",
    async () => {
      const { user, counted, dial } = object();
      const ada = await user({ name: "ada", pad: "8100" });
      expect((await ada.whoami({})).name.length).toBe(8_103);
      dial({ name: "big", pad: "8200" }, { reconnect: false });
      await counted(
        "error: TypeError: Cannot keep a connection over sleep: ctx has 8257 and data 26 bytes, must have at most 8192 together",
      );
    },
    60_000,
  );

  test("a login ends while the object sleeps", async () => {
    const { user, evict, counted } = object();
    const ada = await user({ name: "ada", ttl: "2500" });
    await ada.whoami({});
    const told = statusOf(ada);
    await evict();
    await until(() => told.some(({ code }) => code), undefined, PATIENCE_MS);
    expect(told.find(({ code }) => code)?.code).toBe(4410);
    await counted("onDisconnect ada 4410");
  }, 60_000);

  test(
    "a client that falls silent is given up while the object sleeps, one that pings is not",
    async () => {
      const { name, evict, counted } = object("brisk");
      const socket = async (who: string) => {
        const query = new URLSearchParams({
          object: name,
          role: "user",
          name: who,
        });
        const socket = new WebSocket(`${worker.origin}/?${query}`, [
          "superline.v1",
        ]);
        open.push(socket);
        await within(
          new Promise((resolve) => socket.onmessage = resolve),
          PATIENCE_MS,
        );
        socket.send("ping");
        return socket;
      };
      const [lively] = [await socket("lively"), await socket("silent")];
      const timer = setInterval(() => lively.send("ping"), 300);
      try {
        await evict();
        const counts = await counted("onDisconnect silent 4408");
        expect(counts).not.toHaveProperty("onDisconnect lively 4408");
      } finally {
        clearInterval(timer);
      }
    },
    60_000,
  );

  test(
    "a client may go while the object sleeps, and a woken object may close",
    async () => {
      const { user, evict, counted } = object();
      const ada = await user();
      const bob = await user({ name: "bob" });
      const eve = await user({ name: "eve" });
      await Promise.all([ada, bob, eve].map((it) => it.whoami({})));
      await evict();
      bob.close();
      await counted("onDisconnect bob 1000");
      await evict();
      const told = statusOf(eve);
      expect((await ada.kick({ name: "eve" })).n).toBe(1);
      await until(
        () => told.at(-1)?.state === "closed",
        undefined,
        PATIENCE_MS,
      );
      expect(told.at(-1)).toMatchObject({ code: 4409, reason: "kicked" });
    },
    60_000,
  );
});
