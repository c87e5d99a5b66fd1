// A cluster under random commands, held against a model that knows who gets what. A sequence that fails is shrunk to
// a few commands; `SEED=n` tries others. The model of processes (model/) is for what only real time shows.
import { expect, test } from "bun:test";
import process from "node:process";
import fc from "fast-check";
import { z } from "zod";
import { type Adapter, createSocketServer, defineContract } from "../../mod.ts";
import { createTestCluster } from "../../src/testing/mod.ts";

const NODES = 3;
const rooms = ["a", "b"];

const api = defineContract({
  shared: {
    clientToServer: {
      join: { input: z.string(), output: z.null() },
      leave: { input: z.string(), output: z.null() },
    },
    serverToClient: {
      said: { payload: z.number() },
      news: { subscribe: true, payload: z.number() },
      task: { subscribe: true, payload: z.number() },
    },
  },
  // Both have a topic of this name, and they are two.
  roles: {
    user: {
      serverToClient: { work: { subscribe: true, payload: z.number() } },
    },
    agent: {
      serverToClient: { work: { subscribe: true, payload: z.number() } },
    },
  },
});
const topics = ["news", "task", "work"] as const;
type Topic = typeof topics[number];

function start(adapter: Adapter) {
  const srv = createSocketServer(api, {
    adapter,
    authenticate: (request) => ({
      role: new URL(request.url).searchParams.get("role") === "agent"
        ? "agent" as const
        : "user" as const,
    }),
    onError: (error, { source }) => {
      if (source !== "adapter") throw error; // the adapter says that its broker is away
    },
  });
  return srv.implement({
    shared: {
      join: async (room, _ctx, conn) => {
        await srv.room(room).add(conn);
        return null;
      },
      leave: (room, _ctx, conn) => {
        srv.room(room).remove(conn);
        return null;
      },
    },
  });
}

function createCluster() {
  return createTestCluster(api, { nodes: NODES, start });
}

/** One client: what it is in, and what it must have got, as the model has it. */
interface Member {
  readonly node: number;
  readonly role: "user" | "agent";
  readonly channels: Set<string>;
  readonly got: number[];
}

interface Model {
  readonly members: Member[];
  isUp: boolean;
  sent: number;
}

function connectTo(
  cluster: ReturnType<typeof createCluster>,
  role: "user" | "agent",
  node: number,
) {
  const client = cluster.connect(role, { node });
  const got: number[] = [];
  client.on("said", (n) => void got.push(n));
  return { client, got, subscriptions: new Map<Topic, () => void>() };
}

class Real {
  readonly cluster = createCluster();
  readonly clients: ReturnType<typeof connectTo>[] = [];

  connect({ role, node }: Member): void {
    this.clients.push(connectTo(this.cluster, role, node));
  }

  /** Nothing is under way, and each client has got what it must, in order. */
  async check({ members }: Model): Promise<void> {
    await this.cluster.settled();
    expect(this.clients.map(({ got }) => got))
      .toEqual(members.map(({ got }) => got));
    for (const [at, { srv: { local } }] of this.cluster.nodes.entries()) {
      const counts: Record<string, number> = {};
      for (const { node, channels } of members) {
        if (node !== at) continue;
        for (const it of channels) counts[it] = (counts[it] ?? 0) + 1;
      }
      const inRooms = [...local.rooms].map(([name, n]) => [`room ${name}`, n]);
      expect(Object.fromEntries([...inRooms, ...local.topics])).toEqual(counts);
    }
  }

  /** Nothing is held for anybody once all have gone. */
  async end(): Promise<void> {
    for (const { client } of this.clients) client.close();
    await this.cluster.settled();
    for (const { srv } of this.cluster.nodes) {
      const { sequences: _, ...sizes } = srv.stats().sizes;
      expect(Object.values(sizes).every((size) => size === 0)).toBe(true);
    }
    await this.cluster.close();
  }
}

type Command = fc.AsyncCommand<Model, Real>;

/** A command with its check, and words for a failure. */
function command(
  words: string,
  can: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<unknown> | unknown,
): Command {
  return {
    check: can,
    async run(model, real) {
      await run(model, real);
      await real.check(model);
    },
    toString: () => words,
  };
}

const who = fc.nat(5);
const anyone = (model: Model) => model.members.length > 0;
const memberOf = (model: Model, real: Real, at: number) => {
  const index = at % model.members.length;
  return [model.members[index] as Member, real.clients[index]!] as const; // `anyone` was asked
};

const connect = fc.nat(NODES - 1).map((node) =>
  command(
    `connect to ${node}`,
    ({ members }) => members.length < 6,
    (model, real) => {
      const role = model.members.length % 2 === 0 ? "user" : "agent";
      const member: Member = { node, role, channels: new Set(), got: [] };
      model.members.push(member);
      real.connect(member);
    },
  )
);

const join = fc.tuple(who, fc.constantFrom(...rooms)).map(([at, room]) =>
  command(`${at} joins ${room}`, anyone, async (model, real) => {
    const [member, { client }] = memberOf(model, real, at);
    await client.join(room);
    member.channels.add(`room ${room}`);
  })
);

const leave = fc.tuple(who, fc.constantFrom(...rooms)).map(([at, room]) =>
  command(`${at} leaves ${room}`, anyone, async (model, real) => {
    const [member, { client }] = memberOf(model, real, at);
    await client.leave(room);
    member.channels.delete(`room ${room}`);
  })
);

const subscribe = fc.tuple(who, fc.constantFrom(...topics)).map((
  [at, topic],
) =>
  command(`${at} subscribes to ${topic}`, anyone, async (model, real) => {
    const [member, { client, got, subscriptions }] = memberOf(model, real, at);
    if (subscriptions.has(topic)) return;
    const subscription = client.subscribe(topic, (n) => void got.push(n));
    subscriptions.set(topic, () => subscription());
    await subscription.ready;
    member.channels.add(keyOf(member, topic));
  })
);

const unsubscribe = fc.tuple(who, fc.constantFrom(...topics)).map((
  [at, topic],
) =>
  command(`${at} unsubscribes from ${topic}`, anyone, (model, real) => {
    const [member, { subscriptions }] = memberOf(model, real, at);
    subscriptions.get(topic)?.();
    subscriptions.delete(topic);
    member.channels.delete(keyOf(member, topic));
  })
);

/** A topic as the node counts it: a role's own is another one for each role. */
const keyOf = ({ role }: Member, topic: Topic) =>
  topic === "work" ? `${role}:work` : topic;

/** Several messages of one turn of one node, to rooms and topics in any order. */
const send = fc.tuple(
  fc.nat(NODES - 1),
  fc.array(
    fc.constantFrom(...rooms.map((room) => `room ${room}`), ...[
      "news",
      "task",
      "user:work",
      "agent:work",
    ]),
    { minLength: 1, maxLength: 4 },
  ),
).map(([node, channels]) =>
  command(`node ${node} sends to ${channels}`, anyone, (model, real) => {
    const { srv } = real.cluster.nodes[node]!; // below NODES
    for (const channel of channels) {
      const n = ++model.sent;
      if (channel.startsWith("room ")) {
        srv.room(channel.slice(5)).broadcast("said", n);
      } else if (channel === "user:work") {
        srv.forRole("user").publish("work", n);
      } else if (channel === "agent:work") {
        srv.forRole("agent").publish("work", n);
      } else srv.publish(channel as "news" | "task", n);
      for (const member of model.members) {
        const isReached = model.isUp || member.node === node;
        if (isReached && member.channels.has(channel)) member.got.push(n);
      }
    }
  })
);

/** Rooms are the connection's, so they are left; topics are the client's, so it is subscribed again. */
const drop = who.map((at) =>
  command(`${at} loses its connection`, anyone, (model, real) => {
    const [member, { client }] = memberOf(model, real, at);
    for (const room of rooms) member.channels.delete(`room ${room}`);
    real.cluster.drop(client);
  })
);

const outage = fc.constant(
  command("the broker goes or comes back", () => true, (model, real) => {
    if (model.isUp) real.cluster.bus.fail();
    else real.cluster.bus.restore();
    model.isUp = !model.isUp;
  }),
);

test(
  "each member of a room or topic gets each message once and in order, and nobody else does",
  async () => {
    const commands = fc.commands<Model, Real, false>(
      [connect, join, leave, subscribe, unsubscribe, send, send, drop, outage],
      { maxCommands: 40, size: "max" },
    );
    const property = fc.asyncProperty(commands, async (commands) => {
      const real = new Real();
      const model: Model = { members: [], isUp: true, sent: 0 };
      await fc.asyncModelRun(() => ({ model, real }), commands);
      await real.end();
    });
    await fc.assert(property, {
      seed: Number(process.env.SEED ?? 7),
      numRuns: Number(process.env.RUNS ?? 100),
    });
  },
  60_000,
);
