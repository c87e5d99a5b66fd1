/** What the page promises of its snippets, each on nodes that are HTTP servers of their own; no test runner inside. */
import { deepStrictEqual as same } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createClient,
  type WebSocketConstructor,
} from "@super-line/edge/client";
import { settled, until, within } from "../helpers/wait.ts";
import type { Given } from "./snippets/given.ts";
import { api, createPageNode } from "./snippets/seed_adapter.ts";
import {
  api as messages,
  createMessagesNode,
} from "./snippets/seed_direct_messages.ts";
import { createShardNode } from "./snippets/seed_server_events.ts";

/** What scenarios run on. */
export interface Subject {
  readonly createRedisAdapter: Given["createRedisAdapter"];
  /** What clients dial with. */
  readonly WebSocket: WebSocketConstructor;
}

/** One promise of the page. */
export interface Scenario {
  readonly name: string;
  /** Resolves when it holds. */
  run(subject: Subject): Promise<void>;
}

type End = () => unknown;

export const scenarios: readonly Scenario[] = [
  scenario(
    "room.broadcast, publish and forRole().publish reach clients, and emitServer peers, on any node",
    async (subject, ends) => {
      const [a, b] = [
        await start(subject, ends, createPageNode),
        await start(subject, ends, createPageNode),
      ];
      const got: string[] = [];
      const heard = (who: string) => ({ text }: { text: string }) =>
        void got.push(`${who} ${text}`);
      const here = connect(subject, ends, a.url, "user");
      const there = connect(subject, ends, b.url, "agent");
      here.on("said", heard("a"));
      there.on("said", heard("b"));
      same(await here.join({ room: "lobby" }), { live: true });
      same(await there.join({ room: "lobby" }), { live: true });
      await here.subscribe("news", heard("a")).ready;
      await there.subscribe("news", heard("b")).ready;
      await there.subscribe("task", heard("b")).ready;
      await a.node.onServer("note", heard("node a")).ready;
      await b.node.onServer("note", heard("node b")).ready;

      a.node.room("lobby").broadcast("said", { text: "hello" });
      a.node.publish("news", { text: "today" });
      a.node.forRole("agent").publish("task", { text: "work" });
      a.node.emitServer("note", { text: "psst" });
      await until(() => got.length >= 6);
      await settled();
      same(got.toSorted(), [
        ...["a hello", "a today", "b hello", "b today", "b work"],
        "node b psst",
      ]);
    },
  ),
  scenario(
    "a server event reaches every other node, not its sender, until its listener is off",
    async (subject, ends) => {
      const moved: string[] = [];
      const nodes = [];
      for (const name of ["a", "b", "c"]) {
        const create = (given: Given) => {
          const made = createShardNode(given, (shard) => {
            moved.push(`${name}${shard}`);
          });
          return { ...made, close: () => made.srv.close() };
        };
        nodes.push((await start(subject, ends, create)).node);
      }
      const offs = nodes.map((node) => node.listen());
      for (const off of offs) same(await within(off.ready), { live: true });
      nodes[0]?.emit();
      await until(() => moved.length >= 2);
      offs[1]?.();
      nodes[0]?.emit();
      await until(() => moved.length >= 3);
      await settled();
      same(moved.toSorted(), ["b3", "c3", "c3"]);
    },
  ),
  scenario(
    "a server event on a single node is a no-op",
    async (subject, ends) => {
      const moved: number[] = [];
      const create = (given: Given) => {
        const made = createShardNode(given, (shard) => moved.push(shard));
        return { ...made, close: () => made.srv.close() };
      };
      const { node } = await start(subject, ends, create);
      await node.listen().ready;
      node.emit();
      await settled();
      same(moved, []);
    },
  ),
  scenario(
    "a direct message reaches its user on any node, and nobody else",
    async (subject, ends) => {
      const got: unknown[] = [];
      const users = [];
      for (const id of ["ada", "bob", "eve"]) {
        const { url } = await start(subject, ends, createMessagesNode);
        const client = createClient(messages, {
          url,
          role: "user",
          params: { id },
          WebSocket: subject.WebSocket,
        });
        ends.push(() => client.close());
        client.on("dm", (dm) => got.push({ to: id, ...dm }));
        await within(client.ready);
        users.push(client);
      }
      await users[0]?.send({ to: "bob", text: "psst" });
      await until(() => got.length > 0);
      await users[0]?.send({ to: "ada", text: "note" });
      await until(() => got.length > 1);
      await settled();
      same(got, [
        { to: "bob", from: "ada", text: "psst" },
        { to: "ada", from: "ada", text: "note" },
      ]);
    },
  ),
];

function scenario(
  name: string,
  play: (subject: Subject, ends: End[]) => Promise<void>,
): Scenario {
  return {
    name,
    async run(subject) {
      const ends: End[] = [];
      try {
        await play(subject, ends);
      } finally {
        for (const end of ends.reverse()) await end();
      }
    },
  };
}

/** An HTTP server with a node on it. */
async function start<N extends { close(): Promise<void> }>(
  { createRedisAdapter }: Subject,
  ends: End[],
  create: (given: Given) => N,
): Promise<{ node: N; url: string }> {
  const server = createServer();
  const node = create({ createRedisAdapter, server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => server.close(), () => node.close());
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { node, url: `ws://127.0.0.1:${port}/` };
}

function connect<R extends "user" | "agent">(
  { WebSocket }: Subject,
  ends: End[],
  url: string,
  role: R,
) {
  const client = createClient(api, { url, role, WebSocket });
  ends.push(() => client.close());
  return client;
}
