/** Objects over an adapter that polls: they stop while nobody says anything, sleep, and go on where they stopped. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { createUpstashAdapter } from "../../adapters/upstash.ts";
import { createSocketServer } from "../../mod.ts";
import { type Client, createClient } from "../../src/client/client.ts";
import { until, within } from "../helpers/wait.ts";
import { LocalUpstash } from "../upstash/local_upstash.ts";
import { api } from "./rest_worker.ts";
import { listen } from "./told.ts";
import { bundleWorker, startWorker } from "./workerd.ts";

type Definition = (typeof api)["definition"];

const PATIENCE_MS = 40_000;
const script = await bundleWorker("tests/cloudflare/rest_worker.ts");
const local = await LocalUpstash.start();
let endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.toReversed()) await end();
  endings = [];
});
afterAll(() => local.end());

/** How many entries all streams have ever had. */
const ENTRIES = `local count = 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key).ok == 'stream' then
    local info = redis.call('XINFO', 'STREAM', key)
    for at = 1, #info, 2 do
      if info[at] == 'entries-added' then count = count + info[at + 1] end
    end
  end
end
return count`;

/** An object with clients, a node elsewhere on the same database, and a count of what happened. */
async function stage(
  { idleMs, pollMs, clients: size = 1 }: {
    idleMs: number;
    pollMs: number;
    clients?: number;
  },
) {
  const told = listen();
  const { events, seen } = told;
  endings.push(() => told[Symbol.dispose]());
  await local.redis.command("FLUSHALL");
  const { url, token } = local.server;
  const worker = await startWorker(script, { CHAT: "Chat" }, {
    bindings: {
      CONTROL: told.url,
      URL: url,
      TOKEN: token,
      IDLE_MS: idleMs,
      POLL_MS: pollMs,
    },
  });
  endings.push(() => worker[Symbol.asyncDispose]());
  const elsewhere = createSocketServer(api, {
    adapter: createUpstashAdapter({ url, token }),
    authenticate: () => ({ role: "user" as const }),
  });
  endings.push(() => elsewhere.close());
  const clients: { client: Client<Definition, "user">; got: number[] }[] = [];
  // In turn: after two upgrades at once workerd never takes the object out of memory, a bare one neither.
  while (clients.length < size) {
    const client = createClient(api, { url: worker.origin, role: "user" });
    endings.push(() => client.close());
    const got: number[] = [];
    client.on("said", (n) => void got.push(n));
    await within(client.ready, PATIENCE_MS);
    expect(await client.join("a")).toBe(true);
    clients.push({ client, got });
  }
  const rested = async () => {
    // It polls each 200 ms at most: with none for as long as three, it rests.
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const { commands } = await local.cost(() => Bun.sleep(600));
      if (commands === 0) return;
      if (Date.now() > end) throw new Error(`No rest: ${commands} commands`);
    }
  };
  return {
    worker,
    events,
    clients,
    rested,
    seen,
    say: (n: number) => elsewhere.room("a").broadcast("said", n),
    note: (n: number) => elsewhere.emitServer("note", n),
    /** Resolves when the streams have had as many entries; one turn makes one. */
    async written(entries: number) {
      const end = Date.now() + PATIENCE_MS;
      for (;;) {
        const reply = await local.redis.command("EVAL", ENTRIES, "0");
        const count = Number(reply.match(/\d+/));
        if (count >= entries) return;
        if (Date.now() > end) throw new Error(`${reply}, not ${entries}`);
        await Bun.sleep(20);
      }
    },
    got: (expected: number[]) =>
      until(
        () => clients.every(({ got }) => got.length >= expected.length),
        () => JSON.stringify([clients.map(({ got }) => got), events]),
        PATIENCE_MS,
      ).then(() => {
        for (const { got } of clients) expect(got).toEqual(expected);
      }),
  };
}

test(
  "a resting object is taken out of memory, and hears at its alarm what was said meanwhile",
  async () => {
    const clients = Number(process.env["CLIENTS"] ?? 2);
    const it = await stage({ idleMs: 500, pollMs: 14_000, clients });
    await it.rested();
    const rang = it.seen("rang");
    const cost = await local.cost(() =>
      until(() => it.seen("rang") > rang, () => "no alarm", PATIENCE_MS)
    );
    // Nobody takes it out: the runtime does when nothing has held it for ten seconds.
    await until(() => it.seen("woken") > 1, () => "never slept", PATIENCE_MS);
    console.log(`a wake-up without news, ${clients} clients:`, cost, it.events);
    expect(cost.commands).toBe(1);
    await it.rested();
    for (const n of [1, 2, 3]) it.say(n);
    await it.got([1, 2, 3]);
    expect(it.seen("connected")).toBe(clients);
  },
  120_000,
);

test(
  "what is said while it sleeps comes once and in order, whoever wakes it",
  async () => {
    const it = await stage({ idleMs: 300, pollMs: 3_000 });
    const [one] = it.clients;
    const expected: number[] = [];
    for (let round = 0; round < 4; round++) {
      await it.rested();
      await it.worker.evict("Chat", "one");
      for (let n = 1; n <= 3; n++) {
        expected.push(round * 10 + n);
        it.say(round * 10 + n);
      }
      await it.written(round + 1); // so that what the client says is later
      if (round % 2 === 0) await one?.client.join("b");
      await it.got(expected);
    }
    expect(it.seen("connected")).toBe(1);
    expect(Object.keys(it.events).filter((name) => /gap|error/.test(name)))
      .toEqual([]);
  },
  120_000,
);

test(
  "a client that only comes, or only goes, has a resting object hear",
  async () => {
    const it = await stage({ idleMs: 300, pollMs: 3_600_000 });
    await it.rested();
    await it.worker.evict("Chat", "one");
    it.say(1);
    await it.written(1);
    const silent = new WebSocket(`${it.worker.origin}/?role=user`, [
      "superline.v1",
    ]);
    endings.push(() => silent.close());
    await it.got([1]);
    await it.rested();
    it.say(2);
    await it.written(2);
    silent.close();
    await it.got([1, 2]);
  },
  120_000,
);

test(
  "what the application listens to goes on after a sleep, and hears nothing again after a death",
  async () => {
    const it = await stage({ idleMs: 300, pollMs: 60_000 });
    const { client } = it.clients[0] ?? {};
    const noted = (n: number) =>
      until(
        () => it.seen(`noted ${n}`) > 0,
        () => JSON.stringify(it.events),
        PATIENCE_MS,
      );
    await it.rested();
    await it.worker.evict("Chat", "one");
    it.note(1);
    await it.written(1);
    await client?.join("b");
    await noted(1);
    const { id } = client ?? {};
    client?.die(null).catch(() => {}); // it is awake, and has no position any more
    await until(() => client?.id && client.id !== id, "back", PATIENCE_MS);
    await client?.join("c");
    it.note(2);
    await noted(2);
    expect([it.seen("noted 1"), it.seen("noted 2")]).toEqual([1, 1]);
  },
  60_000,
);

test("what the streams no longer have is missing, and told", async () => {
  const it = await stage({ idleMs: 200, pollMs: 60_000 });
  await it.clients[0]?.client.say(-1); // so that the stream has an entry to be missed
  await it.got([-1]);
  await it.rested();
  await it.worker.evict("Chat", "one");
  const total = 3_000; // a stream keeps some 2 000
  for (let n = 0; n < total; n++) {
    it.say(n);
    await new Promise(setImmediate); // an entry each
  }
  await it.written(1 + total);
  await it.clients[0]?.client.join("b");
  const { got = [] } = it.clients[0] ?? {};
  await until(
    () => got.at(-1) === total - 1 && it.seen("gap-trimmed") > 0,
    () => JSON.stringify([got.length, got.at(-1), it.events]),
    PATIENCE_MS,
  );
  // What is left is the end of the stream, whole.
  const first = got[1] ?? 0;
  expect(first).toBeGreaterThan(0);
  expect(got.slice(1)).toEqual(
    Array.from({ length: total - first }, (_, at) => first + at),
  );
  expect(it.seen("gap-trimmed")).toBe(1);
}, 120_000);
