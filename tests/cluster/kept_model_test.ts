/**
 * Kept topics against a model: three nodes whose pushes are lost, delayed and overtaken by reads, and clients that drop,
 * move between nodes, and come back. Each client must get a sequence of the log's own order, each message at most once,
 * and be told wherever it lacks one.
 */
import { expect, test } from "bun:test";
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "../../mod.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { settled, until } from "../helpers/wait.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
const MESSAGES = Number(process.env["MESSAGES"] ?? 1_500);
const CLIENTS = 24;

/** Numbers between 0 and 1 that a seed repeats. */
function randoms(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4_294_967_296;
  };
}

function contractOf(last: number) {
  return defineContract({
    shared: {
      serverToClient: {
        feed: { payload: z.number(), subscribe: true, keep: { last } },
      },
    },
    roles: { user: {} },
  });
}

/** An adapter whose pushes are lost or late, and whose reads take their time. Pushes stay in order. */
function faulty(
  adapter: Adapter,
  random: () => number,
  loss: number,
): Adapter {
  const { open } = adapter;
  const log = adapter.log;
  adapter.open = (host) => {
    let line = Promise.resolve();
    open.call(adapter, {
      nodeId: host.nodeId,
      message: (...args) => host.message(...args),
      status: (...args) => host.status(...args),
      dropped: (...args) => host.dropped(...args),
      error: (error) => host.error(error),
      lost: (channels) => host.lost(channels),
      appended: (channel, entries) => {
        if (random() < loss) return;
        const late = random() < 0.3;
        line = line.then(async () => {
          if (late) await settled();
          host.appended(channel, entries);
        });
      },
    });
  };
  if (!log) throw new Error("The memory adapter has a log");
  const delayed: typeof log = {
    append: (...args) => log.append(...args),
    read: async (...args) => {
      if (random() < 0.5) await settled();
      const read = await log.read(...args);
      if (random() < 0.5) await settled();
      return read;
    },
  };
  Object.defineProperty(adapter, "log", { value: delayed });
  return adapter;
}

/**
 * A WebSocket to a node that holds what the node sends to its promise: behind each `res`, contiguous numbers of one
 * epoch, until the client is told to ask again or asks by itself. The client would repair what a node does wrong.
 */
function watched(
  srv: Parameters<typeof loopback>[0],
  wrongs: string[],
): ReturnType<typeof loopback> {
  return class extends loopback(srv) {
    #at: [epoch: string, n: number] | undefined;

    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      let take: ((event: { data: unknown }) => void) | null = null;
      Object.defineProperty(this, "onmessage", {
        get: () => (event: { data: unknown }) => {
          for (const line of String(event.data).split("\n")) this.#look(line);
          take?.(event);
        },
        set: (fn) => take = fn,
      });
    }

    override send(data: string | Uint8Array<ArrayBuffer>): void {
      if (String(data).includes('["sub",')) this.#at = undefined;
      super.send(data);
    }

    #look(line: string): void {
      if (!line.startsWith("[")) return;
      const [tag, first, second] = JSON.parse(line);
      if (tag === "gap") this.#at = undefined;
      if (tag === "res" && second?.position) this.#at = parts(second.position);
      if (tag !== "pub" || !this.#at) return;
      const [epoch, n] = parts(first[2]);
      const [lastEpoch, last] = this.#at;
      if (epoch !== lastEpoch || n !== last + 1) {
        wrongs.push(`${epoch} ${n} follows ${lastEpoch} ${last}`);
      }
      this.#at = [epoch, n];
    }
  };
}

const parts = (position: string): [epoch: string, n: number] => {
  const [epoch = "", n] = position.split(".");
  return [epoch, Number(n)];
};

interface Outcome {
  /** What nodes sent that they must not. */
  readonly wrongs: readonly string[];
  readonly order: number[];
  readonly readers: readonly Reader[];
  readonly delivered: number;
  readonly holes: number;
}

/** What one client got: numbers, and `gap` where it was told of one. */
interface Reader {
  readonly events: (number | "gap")[];
  position: string | undefined;
}

async function play(
  last: number,
  { loss = 0.03, flushes = 0 } = {},
): Promise<Outcome> {
  const random = randoms(seed);
  const contract = contractOf(last);
  const bus = new MemoryBus();
  const nodes = [0, 1, 2].map(() => {
    const srv = createSocketServer(contract, {
      adapter: faulty(createInMemoryAdapter(bus), random, loss),
      authenticate: () => ({ role: "user" }),
      onError: () => {},
    });
    srv.implement({});
    return srv;
  });
  // The truth: what the log itself gives, in its order.
  const order: number[] = [];
  const witness = createInMemoryAdapter(bus);
  witness.open({
    nodeId: "witness",
    message: () => {},
    status: () => {},
    dropped: () => {},
    error: () => {},
    lost: () => {},
    appended: (_channel, entries) => {
      for (const { payload } of entries) order.push(JSON.parse(payload)[2]);
    },
  });
  await witness.subscribe("topic::feed");

  const wrongs: string[] = [];
  const readers: Reader[] = [];
  const clients = Array.from({ length: CLIENTS }, () => {
    const reader: Reader = { events: [], position: undefined };
    readers.push(reader);
    let client: ReturnType<
      typeof createClient<typeof contract.definition, "user">
    >;
    const come = async () => {
      const srv = nodes[Math.floor(random() * nodes.length)];
      if (!srv) throw new Error("there are three");
      const after = reader.position;
      client = createClient(contract, {
        url: "ws://app.test",
        role: "user",
        WebSocket: watched(srv, wrongs),
        reconnectBaseMs: 1,
        onError: () => {},
      });
      const own = client.subscribe("feed", (n) => {
        reader.events.push(n);
        last = () => own.position;
      }, {
        onGap: () => reader.events.push("gap"),
        ...(after !== undefined && { after }),
      });
      let last = () => own.position;
      position = () => last();
      await own.ready;
    };
    let position = (): string | undefined => undefined;
    return {
      come,
      /** Leaves as a page does that is reloaded: what it got last is known. */
      go: async () => {
        await settled();
        reader.position = position();
        client.close();
      },
      end: () => client.close(),
    };
  });
  await Promise.all(clients.map(({ come }) => come()));
  const start = order.length;

  const away = new Map<number, Promise<void>>();
  let forgotten = 0;
  for (let n = 0; n < MESSAGES; n++) {
    const [one, two] = [nodes[n % 3], nodes[(n + 1) % 3]];
    const published = one?.publish("feed", n);
    if (n % 2 === 0) void two?.publish("feed", n + 1_000_000); // in the same turn, from another node
    if (random() < 0.4) await published;
    if (random() < 0.1) await settled();
    if (random() < 0.05) {
      const conns = nodes[n % 3]?.local.connections ?? [];
      conns[Math.floor(random() * conns.length)]?.close(1012);
    }
    const index = Math.floor(random() * CLIENTS);
    if (random() < 0.03 && !away.has(index)) {
      const moving = (async () => {
        await clients[index]?.go();
        for (let turns = random() * 8; turns > 0; turns--) await settled();
        await clients[index]?.come();
      })().finally(() => away.delete(index));
      away.set(index, moving);
    }
    if (forgotten < flushes && n > (forgotten + 1) * MESSAGES / (flushes + 1)) {
      forgotten++;
      bus.flush();
    }
  }
  await Promise.all([...away.values()]);
  // The push of the last one may be lost, and nothing follows that would show it: publish until everybody has one.
  const finals = [-1, -2, -3, -4, -5];
  const done = () =>
    readers.every(({ events }) =>
      events.some((it) => typeof it === "number" && it < 0)
    );
  for (const final of finals) {
    await nodes[0]?.publish("feed", final);
    await until(done, "all have the last one", 2_000).catch(() => {});
    if (done()) break;
  }
  expect([seed, done()]).toEqual([seed, true]);
  const holes = nodes.reduce((sum, it) => sum + it.stats().topics.holes, 0);
  for (const { end } of clients) end();
  for (const srv of nodes) await srv.close();
  await witness.close();
  const delivered = readers.reduce((sum, it) => sum + it.events.length, 0);
  return { order: order.slice(start), readers, delivered, holes, wrongs };
}

/** What is wrong with what a client got, if anything is. */
function flawOf(
  { events }: Reader,
  order: readonly number[],
): string | undefined {
  const at = new Map(order.map((n, index) => [n, index]));
  let before = -1;
  let told = false;
  for (const event of events) {
    if (event === "gap") {
      told = true;
      continue;
    }
    const index = at.get(event);
    if (index === undefined) return `${event} is not in the log`;
    if (index <= before) return `${event} came twice or out of order`;
    if (index > before + 1 && !told) {
      return `${
        index - before - 1
      } before ${event} are missing, and it was not told`;
    }
    before = index;
    told = false;
  }
  return undefined;
}

test(
  "with lost and late pushes nothing is missed, nothing comes twice, and there is not a single gap",
  async () => {
    const { order, readers, delivered, holes, wrongs } = await play(10_000);
    expect([seed, wrongs]).toEqual([seed, []]);
    expect(delivered).toBeGreaterThan(order.length * CLIENTS / 2);
    expect(holes).toBeGreaterThan(3);
    for (const reader of readers) {
      expect([seed, flawOf(reader, order)]).toEqual([seed, undefined]);
      expect([seed, reader.events.includes("gap")]).toEqual([seed, false]);
    }
  },
  60_000,
);

test(
  "with a log that is too short, and flushed: whatever is missing is told, nothing comes twice",
  async () => {
    const { order, readers, wrongs } = await play(12, { flushes: 3 });
    expect([seed, wrongs]).toEqual([seed, []]);
    const gaps = readers.filter(({ events }) => events.includes("gap")).length;
    expect(gaps).toBeGreaterThan(0);
    for (const reader of readers) {
      expect([seed, flawOf(reader, order)]).toEqual([seed, undefined]);
    }
  },
  60_000,
);
