import { expect, test } from "bun:test";
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
} from "../../mod.ts";
import { until } from "../helpers/wait.ts";

const api = defineContract({
  roles: { user: {} },
  serverToServer: {
    rebalance: z.number(),
    load: { input: z.null(), output: z.number() },
  },
});
const bus = new MemoryBus();
const node = () =>
  createSocketServer(api, {
    adapter: createInMemoryAdapter(bus),
    authenticate: () => ({ role: "user" }),
  });

test("whatever listens on a server is stopped by its function, by Symbol.dispose, and by using", async () => {
  await using first = node();
  await using second = node();
  const got: unknown[] = [];
  {
    using off = first.onServer("rebalance", (shard) => void got.push(shard));
    expect(await off.ready).toEqual({ live: true });
    second.emitServer("rebalance", 1);
    await until(() => got.length === 1);
  }
  const offs = [
    first.onServer("rebalance", () => void got.push("disposed")),
    first.onServer("load", () => 1),
    first.cluster.onNode(() => void got.push("node")),
    first.cluster.watch({}, { join: () => void got.push("watch") }),
  ];
  const called = first.onServer("rebalance", () => void got.push("called"));
  const kept = first.onServer("rebalance", (shard) => void got.push(shard));
  for (const off of offs) {
    expect(typeof off).toBe("function");
    off[Symbol.dispose]();
    off[Symbol.dispose](); // a second time does nothing
  }
  called();
  await kept.ready;
  second.emitServer("rebalance", 2);
  await until(() => got.includes(2));
  expect(got).toEqual([1, 2]);
  // The question may be answered by another listener again.
  first.onServer("load", () => 2);
});
