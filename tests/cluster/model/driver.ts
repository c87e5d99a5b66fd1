/** Runs a cluster of processes and its clients, at random but with a seed, and says what came of it. */
import type { Stats } from "../../../mod.ts";
import { pause } from "../../../src/testing/assert.ts";
import { random } from "../../hostile/mutants.ts";
import { until } from "../../runtimes/until.ts";
import { events, roles, sharedTopics } from "./api.ts";
import { endings, ModelClient } from "./client.ts";
import { Model, Receiver } from "./model.ts";
import { NodeProcess } from "./node_process.ts";
import type { Told } from "./node_program.ts";
import type { ClusterPlan, Outage } from "./plan.ts";
import type { ClusterReport } from "./report.ts";

/** How many of a channel's clients are in it, and how much is sent there: some nodes have nobody in `s…`. */
const channels = [
  ...["a", "b", "c", "d", "e", "f"].map((name) => `room/${name}`),
  ...["s1", "s2", "s3", "s4"].map((name) => `room/${name}`),
  ...sharedTopics.map((name) => `topic/${name}`),
  ...roles.map((role) => `${role}/task`),
  events,
];
const density = (channel: string) => channel.startsWith("room/s") ? 0.03 : 0.3;

/** Runs it. */
export async function runCluster(plan: ClusterPlan): Promise<ClusterReport> {
  const run = new Run(plan);
  try {
    return await run.play();
  } finally {
    await run.end();
  }
}

class Run {
  readonly #plan: ClusterPlan;
  readonly #model: Model;
  readonly #random: () => number;
  readonly #nodes: NodeProcess[] = [];
  readonly #listeners: Receiver[];
  readonly #stats: Stats[] = [];
  readonly #clients: ModelClient[] = [];
  #ordered = 0;

  constructor(plan: ClusterPlan) {
    this.#plan = plan;
    this.#model = new Model(plan);
    this.#random = random(plan.seed);
    this.#listeners = plan.nodes.map((_, at) => new Receiver(at, true));
  }

  async play(): Promise<ClusterReport> {
    const { nodes, messages, outage } = this.#plan;
    const started = performance.now();
    await Promise.all(nodes.map(async (node, at) => {
      this.#nodes[at] = await NodeProcess.start(
        node,
        (told) => this.#hear(at, told),
      );
    }));
    await this.#populate();
    const backMs = outage ? await this.#suffer(outage) : [];
    if (!outage) await this.#send(messages);
    await this.#idle();
    await until(() => this.#model.sweep(), "all has landed", 60_000);
    const { faults, examples, delivered, pairs, lost, lostEnvelopes } =
      this.#model;
    const all = pairs.must + pairs.may + pairs.mustNot + pairs.risky;
    return {
      faults,
      examples,
      seed: this.#plan.seed,
      messages: this.#ordered,
      delivered,
      pairs,
      may: pairs.may / all,
      lost,
      lostEnvelopes,
      relay: await this.#relay(),
      backMs,
      seconds: (performance.now() - started) / 1_000,
    };
  }

  /** Sends messages while the broker goes and comes; gives how long it took until all were live again. */
  async #suffer(outage: Outage): Promise<number[]> {
    const [away, there] = outage.messages;
    const backMs: number[] = [];
    await this.#proveLive(outage.backMs); // so that each node knows where each other is
    for (let at = 0; at < outage.times; at++) {
      this.#model.beginOutage();
      await outage.begin();
      await this.#send(away);
      await outage.end();
      const began = performance.now();
      await this.#proveLive(outage.backMs);
      backMs.push(Math.round(performance.now() - began));
      this.#model.endOutage();
      await this.#send(there);
    }
    return backMs;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#nodes.map((it) => it?.[Symbol.asyncDispose]()));
  }

  /** Clients of each role on each node; those that are anchored never do anything but listen. */
  async #populate(): Promise<void> {
    const ports = this.#nodes.map(({ port }) => port);
    const { clientsPerNode, outage } = this.#plan;
    for (const [at, listener] of this.#listeners.entries()) {
      listener.anchored = true;
      this.#model.add(listener);
      this.#listen(at, true);
    }
    await Promise.all(ports.map(async (_, node) => {
      for (let at = 0; at < clientsPerNode; at++) {
        const role = roles[at % roles.length] ?? "user";
        const client = new ModelClient(this.#model, ports, role);
        await client.open(node);
        const anchored = outage?.anchored && at < roles.length;
        if (anchored) client.busy = client.receiver.anchored = true;
        for (const channel of this.#channelsOf(client)) {
          if (anchored || this.#random() < density(channel)) {
            await client.enter(channel);
          }
        }
        this.#clients.push(client);
      }
    }));
    await until(
      () => this.#listeners.every((it) => it.in(events) === "in"),
      "the nodes listen",
      10_000,
    );
  }

  /** Sends messages, while clients come and go. */
  async #send(count: number): Promise<void> {
    const { inFlight, actions, patienceMs } = this.#plan;
    const end = this.#ordered + count;
    let sweptAt = 0;
    let due = 0;
    while (this.#ordered < end) {
      if (performance.now() - sweptAt > 100) {
        this.#model.sweep();
        sweptAt = performance.now();
      }
      const stalled = performance.now() + patienceMs;
      while (this.#model.pending > inFlight && performance.now() < stalled) {
        await pause(1);
      }
      const before = this.#ordered;
      this.#burst(this.#below(6) + 1);
      due += (this.#ordered - before) * actions;
      for (; due > 1; due--) this.#act();
      await pause(0);
    }
  }

  /** Some messages in one turn of one node. */
  #burst(size: number): void {
    const node = this.#below(this.#nodes.length);
    const one = this.#random() < 0.5 ? this.#pick(channels) : undefined;
    const orders = Array.from({ length: size }, () => {
      return this.#order(node, one ?? this.#pick(channels));
    });
    this.#nodes[node]?.tell(...orders);
  }

  #order(node: number, channel: string) {
    this.#ordered++;
    return { publish: channel, n: this.#model.order(node, channel) };
  }

  /** A client, or now and then a node, does something. */
  #act(): void {
    const kind = this.#random();
    const client = this.#pick(this.#clients);
    const channel = this.#pick(this.#channelsOf(client));
    const wanted = this.#random() < density(channel);
    const node = this.#below(this.#nodes.length);
    const how = this.#pick(endings);
    if (kind < 0.01 && !this.#plan.outage) this.#toggle(node);
    if (client.busy) return;
    let done: Promise<void> | undefined;
    if (kind < 0.05) done = client.leave(how, node);
    else if (kind < 0.2 && channel.startsWith("room/")) {
      const { n } = this.#order(client.node, channel);
      done = client.say(channel, n);
    } else if (wanted && !client.has(channel)) done = client.enter(channel);
    else if (!wanted && client.has(channel)) done = client.exit(channel);
    if (!done) return;
    client.busy = true;
    done.catch((error) => this.#model.fault("failed", `${error}`))
      .finally(() => client.busy = false);
  }

  #toggle(at: number): void {
    const listener = this.#listeners[at];
    if (listener?.settled) this.#listen(at, listener.in(events) === "out");
  }

  #listen(at: number, listen: boolean): void {
    const listener = this.#listeners[at] as Receiver; // one a node
    if (listen) this.#model.joining(listener, events);
    else this.#model.leaving(listener, events);
    this.#nodes[at]?.tell({ listen });
  }

  #hear(at: number, told: Told): void {
    const listener = this.#listeners[at] as Receiver; // one a node
    if ("made" in told) this.#model.made(told.made, told.seq, told.turn);
    else if ("event" in told) this.#model.got(listener, told.event);
    else if ("stats" in told) this.#stats[at] = told.stats;
    else if ("failed" in told) this.#model.fault("failed", told.failed);
    else if (!told.listening) this.#model.left(listener, events);
    else this.#model.joined(listener, events, told.live);
  }

  /** Sends on every channel from every node until all members have it. */
  async #proveLive(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    await Promise.all(
      this.#nodes.flatMap((node, at) =>
        channels.map(async (channel) => {
          for (;;) {
            const order = this.#order(at, channel);
            node.tell(order);
            const reached = () => this.#model.reached(order.n);
            if (await until(reached, "", 400).then(() => true, () => false)) {
              return;
            }
            if (performance.now() > end) {
              throw new Error(
                `${channel} of node ${at} is not live within ${withinMs} ms`,
              );
            }
          }
        })
      ),
    );
  }

  async #idle(): Promise<void> {
    const idle = () =>
      this.#clients.every((it) => it.receiver.anchored || !it.busy);
    await until(idle, "the clients are done", 20_000);
  }

  /** What the nodes counted, summed. */
  async #relay(): Promise<Record<string, number>> {
    for (const node of this.#nodes) node.tell({ ask: "stats" });
    const told = () => this.#nodes.every((_, at) => this.#stats[at]);
    await until(told, "the nodes tell their figures", 10_000);
    const sum: Record<string, number> = {};
    for (const stats of this.#stats) {
      for (const [name, count] of Object.entries(stats?.relay ?? {})) {
        sum[name] = (sum[name] ?? 0) + count;
      }
    }
    return sum;
  }

  #channelsOf({ role }: ModelClient): string[] {
    return channels.filter((it) =>
      /^room|^topic/.test(it) || it.startsWith(role)
    );
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T; // never empty
  }
}
