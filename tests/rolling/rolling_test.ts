import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { startProxy } from "../../examples/scaling/proxy.ts";
import { createClient } from "../../src/client/client.ts";
import { until } from "../helpers/wait.ts";
import { freePort, RedisServer } from "../redis/redis_server.ts";
import { commandOn, type Runtime } from "../runtimes/command.ts";
import { api } from "./api.ts";

const program = `${import.meta.dir}/node_program.ts`;
/** `CLIENTS=1000` is a large one. */
const CLIENTS = Number(process.env["CLIENTS"] ?? 100);
const DRAIN_MS = CLIENTS > 100 ? 10_000 : 2_000;
/** How often each client calls, in milliseconds. */
const EVERY_MS = CLIENTS > 100 ? 2_000 : 100;
const PATIENCE_MS = 20_000 + DRAIN_MS;
/** What each node runs on. */
const runtimesOfNodes = (process.env["NODES"] ?? "Bun,Deno,Node").split(
  ",",
) as Runtime[];

test(
  `${CLIENTS} clients on nodes on ${
    runtimesOfNodes.join(", ")
  } that are restarted one after the other lose no call, and come back spread`,
  async () => {
    await using stack = new AsyncDisposableStack();
    const redis = await RedisServer.start();
    stack.defer(() => redis.end());
    const ports: number[] = [];
    const nodes: NodeProcess[] = [];
    stack.defer(() => nodes.forEach((node) => node.kill()));
    const start = async (index: number, runtime: Runtime) => {
      const args = [String(ports[index]), redis.url, String(DRAIN_MS)];
      nodes[index] = await NodeProcess.start(
        await commandOn(runtime, program),
        args,
      );
    };
    for (const [index, runtime] of runtimesOfNodes.entries()) {
      ports.push(await freePort());
      await start(index, runtime);
    }
    const proxy = await startProxy(0, ports);
    stack.defer(() => proxy.stop());
    const crowd = new Crowd(`ws://127.0.0.1:${proxy.port}/`);
    await crowd.settled();
    crowd.begin();
    let answered = 0;

    for (const [index, runtime] of runtimesOfNodes.entries()) {
      await crowd.goesOn();
      crowd.dials.length = crowd.comebacks.length = 0;
      const leaving = Date.now();
      answered += await nodes[index]?.stop() ?? 0;
      await start(index, runtime);
      await crowd.settled();
      await crowd.allHear();
      const since = (at: number) => at - leaving;
      const dials = crowd.dials.map(since);
      const back = crowd.comebacks.map(since);
      console.log(
        `restart of node ${
          index + 1
        } on ${runtime}, drainMs ${DRAIN_MS}: ${back.length} of ${CLIENTS} clients moved, the last was back after ${
          Math.max(...back)
        } ms; they dialled at\n${histogram(dials)}`,
      );
      expect(back.length).toBeGreaterThan(CLIENTS / ports.length / 2);
      // Over half of the window, so a fifth in each tenth of it; more where this process was held up. When they are let
      // in is another matter: Node 20 was seen to accept one connection a turn of its loop, however long that takes.
      expect(Math.max(...counts(dials))).toBeLessThan(dials.length * 2 / 3);
    }

    await crowd.goesOn();
    await crowd.end();
    for (const node of nodes) answered += await node.stop();
    expect(crowd.failures).toEqual([]);
    expect(crowd.answered).toBe(crowd.asked);
    expect(answered).toBe(crowd.asked);
    console.log(`${crowd.asked} calls, ${crowd.failures.length} lost`);
  },
  60_000 + 6 * runtimesOfNodes.length * PATIENCE_MS,
);

/** All clients, each on a topic and in a room, calling all the time. */
class Crowd {
  asked = 0;
  answered = 0;
  readonly failures: string[] = [];
  /** When a client dialled. */
  readonly dials: number[] = [];
  /** When a client was connected again. */
  readonly comebacks: number[] = [];
  readonly #clients;
  readonly #heard: Map<string, number> = new Map();
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(url: string) {
    this.#clients = Array.from({ length: CLIENTS }, () => {
      const client = createClient(api, {
        url,
        role: "user",
        timeoutMs: 60_000,
        reconnectBaseMs: 100,
        onError: (error) => this.failures.push(String(error)),
      });
      client.onStatus(({ state }) => {
        if (state === "connecting") this.dials.push(Date.now());
      });
      client.onReconnect(() => this.comebacks.push(Date.now()));
      client.subscribe("news", ({ text }) => this.#hear(text));
      client.on("said", ({ text }) => this.#hear(text));
      return client;
    });
  }

  /** Every client is connected. */
  async settled(): Promise<void> {
    await until(
      () => this.#clients.every(({ state }) => state === "open"),
      () =>
        `all clients open: ${
          this.#clients.filter(({ state }) => state !== "open").length
        } are not`,
      PATIENCE_MS,
    );
  }

  begin(): void {
    for (const [index, client] of this.#clients.entries()) {
      const call = () => {
        this.asked++;
        client.work({ ms: index % 200 }).then(
          () => this.answered++,
          (error) => this.failures.push(String(error)),
        );
      };
      this.#timers.push(setInterval(call, EVERY_MS));
    }
  }

  /** Every client has another call answered. */
  async goesOn(): Promise<void> {
    const before = this.answered;
    await until(
      () => this.answered > before + CLIENTS,
      "further answers",
      PATIENCE_MS,
    );
  }

  /** What one client has its node say reaches all, on the topic and in the room. */
  async allHear(): Promise<void> {
    const all = () => [...this.#heard.values()].includes(2 * CLIENTS);
    this.#heard.clear();
    // Some may not have subscribed again yet: what is said meanwhile they miss.
    const saying = setInterval(() => {
      const text = crypto.randomUUID();
      this.#clients[0]?.announce({ text }).catch((error) =>
        this.failures.push(String(error))
      );
    }, 500);
    await until(all, "a word that all heard", PATIENCE_MS)
      .finally(() => clearInterval(saying));
  }

  async end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await until(
      () => this.answered + this.failures.length >= this.asked,
      "the last answers",
      PATIENCE_MS,
    );
    for (const client of this.#clients) client.close();
  }

  #hear(text: string): void {
    this.#heard.set(text, (this.#heard.get(text) ?? 0) + 1);
  }
}

class NodeProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  private constructor(command: readonly string[], args: readonly string[]) {
    const [runtime = "", ...rest] = command;
    this.#child = spawn(runtime, [...rest, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (this.#child.stdout) {
      createInterface(this.#child.stdout).on(
        "line",
        (line) => this.#lines.push(line),
      );
    }
  }

  static async start(
    command: readonly string[],
    args: readonly string[],
  ): Promise<NodeProcess> {
    const node = new NodeProcess(command, args);
    await until(() => node.#lines.includes("listens"), "a node", 30_000);
    return node;
  }

  /** Ends it as a platform would; resolves to how many calls it answered. */
  async stop(): Promise<number> {
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
    return Number(this.#lines.at(-1)?.replace("answered ", ""));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

function counts(times: readonly number[]): number[] {
  const slots: number[] = Array(10).fill(0);
  for (const ms of times) {
    const slot = Math.min(9, Math.floor(10 * ms / DRAIN_MS));
    slots[slot] = (slots[slot] ?? 0) + 1;
  }
  return slots;
}

function histogram(times: readonly number[]): string {
  const scale = Math.max(...counts(times)) / 40;
  return counts(times).map((count, slot) =>
    `  ${String(Math.round(slot * DRAIN_MS / 10)).padStart(6)} ms ${
      "#".repeat(Math.ceil(count / scale))
    } ${count}`
  ).join("\n");
}
