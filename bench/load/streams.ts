// 1 000 readers that stop on endless streams of 10 kB items: what the server holds for them, and that one that reads
// again goes on. Then the server's CPU an item for 100 000 items of 100 bytes, beside events from the same generator.
//   bun bench/load/streams.ts [--readers 1000] [--items 100000]
// The server runs in a process of its own: this file with `server` as its argument.
import process from "node:process";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        endless: { input: z.number(), yields: z.string() },
        items: { input: z.number(), yields: z.string() },
        events: { input: z.number(), output: z.null() },
        look: {
          input: z.null(),
          output: z.object({
            cpu: z.number(),
            resident: z.number(),
            produced: z.number(),
            calls: z.number(),
            ended: z.number(),
          }),
        },
      },
      serverToClient: { item: { payload: z.string() } },
    },
  },
});

if (process.argv[2] === "server") serve();
else await measure();

function serve(): void {
  let produced = 0;
  let ended = 0;
  const pad = "x".repeat(10_000);
  const small = "x".repeat(100);
  async function* make(count: number): AsyncGenerator<string, void, unknown> {
    for (let n = 0; n < count; n++) yield small;
  }
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    backpressure: { maxBufferedBytes: 262_144 },
    limits: { framesPerSecond: 1e9, handshakesPerSecond: 1e6 },
  });
  srv.implement({
    user: {
      endless: async function* () {
        try {
          for (;;) {
            produced++;
            yield pad;
          }
        } finally {
          ended++;
        }
      },
      items: (count) => make(count),
      events: async (count, _ctx, conn) => {
        for await (const item of make(count)) {
          conn.emit("item", item);
          // Without a pause now and then the reader would be too slow, and events be dropped.
          if (++produced % 256 === 0) {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        return null;
      },
      look: () => {
        Bun.gc(true);
        const { user, system } = process.cpuUsage();
        const { calls = 0 } = srv.stats().sizes;
        const resident = process.memoryUsage.rss();
        return { cpu: user + system, resident, produced, calls, ended };
      },
    },
  });
  const bun = Bun.serve({
    port: 0,
    fetch: srv.fetch,
    websocket: srv.websocket,
  });
  console.log(bun.port);
}

async function measure(): Promise<void> {
  const argument = (name: string, value: number) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? value : Number(process.argv[at + 1]);
  };
  const child = Bun.spawn([process.execPath, import.meta.path, "server"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const url = `ws://127.0.0.1:${Number(new TextDecoder().decode(value))}`;
  const dial = () =>
    createClient(api, { url, role: "user", timeoutMs: Infinity });
  const client = dial();
  const look = () => client.look(null);
  const pause = (ms: number) =>
    new Promise((resolve) => setTimeout(resolve, ms));

  const before = await look();
  const readers = Array.from({ length: argument("readers", 1_000) }, dial);
  await Promise.all(readers.map(({ ready }) => ready));
  const answers = readers.map((reader) => reader.endless(0));
  const iterators = answers.map((it) => it[Symbol.asyncIterator]());
  await Promise.all(iterators.map((it) => it.next()));
  await pause(1_000);
  const stopped = await look();
  const held = (stopped.resident - before.resident) / readers.length;
  console.log(
    `${readers.length} stopped readers: ${
      (stopped.produced / readers.length).toFixed(1)
    } items each were made, the process holds ${
      (held / 1_000).toFixed(1)
    } kB more for each`,
  );
  for (let n = 0; n < 100; n++) await iterators[0]?.next();
  console.log("one of them read 100 more");
  for (const reader of readers) reader.close();
  for (let n = 0; n < 100 && (await look()).ended < readers.length; n++) {
    await pause(50);
  }
  const { calls, ended } = await look();
  console.log(`they left: ${ended} generators ended, ${calls - 1} calls stay`);

  const count = argument("items", 100_000);
  const ratios: number[] = [];
  const cost: Record<string, number[]> = { items: [], events: [] };
  let heard = 0;
  client.on("item", () => void heard++);
  for (let round = 0; round < 5; round++) {
    for (const way of round % 2 ? ["events", "items"] : ["items", "events"]) {
      const { cpu } = await look();
      if (way === "items") {
        for await (const _ of client.items(count)) heard++;
      } else await client.events(count);
      cost[way]?.push(((await look()).cpu - cpu) / count);
    }
    ratios.push((cost.items?.at(-1) ?? 0) / (cost.events?.at(-1) ?? 1));
  }
  const median = (all: number[]) => all.sort((a, b) => a - b)[2]?.toFixed(2);
  console.log(
    `server CPU an item: ${median(cost.items ?? [])} µs streamed, ${
      median(cost.events ?? [])
    } µs as events; ratio ${median(ratios)} (${heard} came)`,
  );
  client.close();
  child.kill();
}
