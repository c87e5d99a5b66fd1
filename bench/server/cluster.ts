/** One node of a cluster: `cluster.ts <way> <redis url>`, told by lines what to do. No client is connected. */
import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Way, ways } from "./ways.ts";

const [name = "", url = ""] = process.argv.slice(2);
const text = "x".repeat(100);
const window = 5_000;
const each = 200;
let heard = 0;
let back: number | undefined;
let confirmed = 0;
let told = () => {};
const trips = new Map<string, () => void>();

const way: Way = await ways[name]!(url, (message) => {
  const trip = message.startsWith("!")
    ? trips.get(message.slice(1))
    : undefined;
  if (trip) return trip();
  if (message.startsWith("?")) {
    const [at = "", to = ""] = message.slice(1).split(" ");
    return way.send(Number(to), `!${at}`);
  }
  if (message === "=") {
    confirmed += each;
    return told();
  }
  if (++heard % each === 0 && back !== undefined) way.send(back, "=");
});

const commands: Record<string, (...args: number[]) => Promise<unknown>> = {
  /** Hears channels `from` up to `to`; every 200 messages on them are confirmed on channel `confirmOn`. */
  async hear(from = 0, to = 0, confirmOn?: number) {
    back = confirmOn;
    for (let at = from; at < to; at++) await way.hear(at);
    return {};
  },
  /** Sends, those of one turn to one channel. */
  async send(count = 0, perTurn = 1, channels = 1) {
    for (let at = 0; at < count; at += perTurn) {
      for (let i = 0; i < perTurn; i++) {
        way.send(at / perTurn % channels, text);
      }
      await nextTurn();
    }
    return {};
  },
  /**
   * Sends as `send` does, at most 5 000 ahead of what the other node has had, and waits until it has had all. `count`
   * is a multiple of 200. Gives milliseconds, and the µs of this process' CPU time.
   */
  async carry(count = 0, perTurn = 1, channels = 1) {
    confirmed = 0;
    const cpu = process.cpuUsage();
    const began = performance.now();
    for (let at = 0; at < count; at += perTurn) {
      while (at - confirmed >= window) await confirmation();
      for (let i = 0; i < perTurn; i++) {
        way.send(at / perTurn % channels, text);
      }
      await nextTurn();
    }
    while (confirmed < count) await confirmation();
    const ms = performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, us: user + system };
  },
  /** Milliseconds to the other node's hub and back, halved, one at a time. */
  async latency(count = 0, there = 0, answers = 0) {
    const times: number[] = [];
    for (let at = 0; at < count; at++) {
      const answer = new Promise<void>((done) => trips.set(`${at}`, done));
      const began = performance.now();
      way.send(there, `?${at} ${answers}`);
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

function confirmation(): Promise<void> {
  return new Promise((resolve) => told = resolve);
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}
