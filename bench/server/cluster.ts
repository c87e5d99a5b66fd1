/** One node of a cluster: `cluster.ts <way> <redis url>`, told by lines what to do. No client is connected. */
import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Way, ways } from "./ways.ts";

const [name = "", url = ""] = process.argv.slice(2);
const text = "x".repeat(100);
let heard = 0;
let due = 0;
let arrived = () => {};
const trips = new Map<string, () => void>();

const way: Way = await ways[name]!(url, (message) => {
  const trip = message.startsWith("!")
    ? trips.get(message.slice(1))
    : undefined;
  if (trip) return trip();
  if (message.startsWith("?")) {
    const [at = "", back = ""] = message.slice(1).split(" ");
    return way.send(Number(back), `!${at}`);
  }
  heard++;
  if (heard === due) arrived();
});

const commands: Record<string, (...args: number[]) => Promise<unknown>> = {
  /** Hears channels `from` up to `to`. */
  async hear(from = 0, to = 0) {
    for (let at = from; at < to; at++) await way.hear(at);
    return {};
  },
  /** Waits until `count` more have come; answers at once with a first line when it waits. */
  async wait(count = 0) {
    heard = 0;
    due = count;
    const all = new Promise<void>((resolve) => arrived = resolve);
    print({});
    await all;
    return {};
  },
  async send(count = 0, perTurn = 1, channels = 1) {
    for (let at = 0; at < count; at++) {
      way.send(Math.floor(at / perTurn) % channels, text); // those of one turn to one channel
      if (at % perTurn === perTurn - 1) await nextTurn();
      if (at % 2_000 === 1_999) await way.sent?.();
    }
    return {};
  },
  /** Milliseconds to the other node's hub and back, halved, one at a time. */
  async latency(count = 0, there = 0, back = 0) {
    const times: number[] = [];
    for (let at = 0; at < count; at++) {
      const answer = new Promise<void>((done) => trips.set(`${at}`, done));
      const began = performance.now();
      way.send(there, `?${at} ${back}`);
      await answer;
      trips.delete(`${at}`);
      times.push((performance.now() - began) / 2);
    }
    times.sort((a, b) => a - b);
    return { p50: times[times.length >> 1] };
  },
};

print({});
for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", ...args] = line.split(" ");
  print(await commands[command]!(...args.map(Number)));
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}
