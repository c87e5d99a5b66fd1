import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter } from "../../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  type ErrorInfo,
} from "../../mod.ts";
import { leftOver } from "../helpers/api.ts";
import { settled, thrown, until } from "../helpers/wait.ts";
import { cluster, endAll, endings, upTo } from "./nodes.ts";

afterEach(endAll);

test("server events reach the listeners of the other nodes in order, not those of the sender", async () => {
  const { a, b, c } = cluster();
  const got: Record<string, number[]> = { a: [], b: [], b2: [], c: [] };
  const listeners = [
    a.onServer("rebalance", ({ shard }) => got["a"]?.push(shard)),
    b.onServer("rebalance", ({ shard }) => got["b"]?.push(shard)),
    b.onServer("rebalance", ({ shard }) => got["b2"]?.push(shard)),
    c.onServer("rebalance", ({ shard }) => got["c"]?.push(shard)),
  ];
  for (const { ready } of listeners) {
    expect(await ready).toEqual({ live: true });
  }
  for (const shard of upTo(300)) a.emitServer("rebalance", { shard });
  await until(() => got["c"]?.length === 300);
  expect(got).toEqual({
    a: [],
    b: upTo(300),
    b2: upTo(300),
    c: upTo(300),
  });
});

test("off ends a listener at once and for good, and only that one", async () => {
  const { a, b } = cluster();
  const got: string[] = [];
  const off = b.onServer("rebalance", ({ shard }) => got.push(`1 ${shard}`));
  const other = b.onServer(
    "rebalance",
    ({ shard }) => got.push(`2 ${shard}`),
  );
  await Promise.all([off.ready, other.ready]);
  off();
  off();
  a.emitServer("rebalance", { shard: 1 });
  await until(() => got.length === 1);
  other();
  a.emitServer("rebalance", { shard: 2 });
  await settled();
  expect(got).toEqual(["2 1"]);
  expect(leftOver(b)).toEqual({});
  const again = b.onServer("rebalance", ({ shard }) => got.push(`${shard}`));
  off();
  await again.ready;
  a.emitServer("rebalance", { shard: 3 });
  await until(() => got.length === 2);
  expect(got).toEqual(["2 1", "3"]);
});

test("data that the schema refuses throws at emit, with the issues, and nobody gets it", async () => {
  const { a, b } = cluster();
  const got: unknown[] = [];
  await b.onServer("rebalance", (it) => got.push(it)).ready;
  const error = thrown(() =>
    a.emitServer("rebalance", { shard: "one" } as never)
  );
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toContain('"rebalance"');
  expect((error as Error).cause).toMatchObject({
    issues: [{ path: ["shard"] }],
  });
  expect(thrown(() => a.emitServer("nothing" as never, {} as never)))
    .toBeInstanceOf(TypeError);
  expect(thrown(() => a.onServer("nothing" as never, () => {})))
    .toBeInstanceOf(TypeError);
  await settled();
  expect(got).toEqual([]);
  expect(a.stats().relay.published).toBe(0);
});

test("data of a node with another schema is reported, and no listener called", async () => {
  const { bus, nodes: [, made] } = cluster();
  if (!made) throw new Error("no node");
  const other = defineContract({
    roles: { user: {} },
    serverToServer: { rebalance: z.object({ shard: z.string() }) },
  });
  const stranger = createSocketServer(other, {
    authenticate: () => ({ role: "user" as const }),
    adapter: createInMemoryAdapter(bus),
  });
  endings.push(() => stranger.close());
  const got: unknown[] = [];
  await made.srv.onServer("rebalance", (it) => got.push(it)).ready;
  stranger.emitServer("rebalance", { shard: "one" });
  await until(() => made.errors.length > 0);
  expect(made.errors).toHaveLength(1);
  const [{ error, info } = { error: undefined, info: undefined }] = made.errors;
  expect(info).toMatchObject({ source: "serverEvent", name: "rebalance" });
  expect(error).toBeInstanceOf(TypeError);
  expect(`${(error as Error).cause}`).toContain("shard");
  expect(got).toEqual([]);
});

test("a listener that throws, now or later, is reported and hurts no other", async () => {
  const { a, nodes: [, made] } = cluster();
  if (!made) throw new Error("no node");
  const got: number[] = [];
  const now = new Error("now");
  const later = new Error("later");
  await Promise.all([
    made.srv.onServer("rebalance", () => {
      throw now;
    }).ready,
    made.srv.onServer("rebalance", () => Promise.reject(later)).ready,
    made.srv.onServer("rebalance", ({ shard }) => got.push(shard)).ready,
  ]);
  a.emitServer("rebalance", { shard: 1 });
  a.emitServer("rebalance", { shard: 2 });
  await until(() => made.errors.length === 4);
  expect(got).toEqual([1, 2]);
  expect(made.errors.filter(({ error }) => error === now)).toHaveLength(2);
  expect(made.errors.filter(({ error }) => error === later)).toHaveLength(2);
  expect(made.errors[0]?.info satisfies ErrorInfo | undefined)
    .toMatchObject({ source: "serverEvent", name: "rebalance" });
});
