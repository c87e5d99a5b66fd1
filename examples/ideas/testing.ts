// Testing an app: two nodes in one process, no port, no sleep, and faults.
// bun test ./examples/ideas/testing.ts
import { expect, test } from "bun:test";
import { z } from "zod";
import {
  type Adapter,
  createSocketServer,
  defineContract,
} from "@super-line/edge";
import { createTestCluster, TestClock } from "@super-line/edge/testing";

const api = defineContract({
  shared: { serverToClient: { ticked: { payload: z.number() } } },
  roles: {
    user: {
      clientToServer: { tick: { input: z.number(), output: z.null() } },
    },
  },
});

// What your program starts with, given the adapter.
function start(adapter: Adapter) {
  const srv = createSocketServer(api, {
    adapter,
    authenticate: () => ({ role: "user" }),
    onConnection: (conn) => srv.room("all").add(conn),
  });
  return srv.implement({
    user: {
      tick: (n) => {
        setTimeout(() => srv.room("all").broadcast("ticked", n), 60_000);
        return null;
      },
    },
  });
}

test("a tick arrives a minute later, on every node", async () => {
  const clock = new TestClock();
  await using cluster = createTestCluster(api, { nodes: 2, start, clock });
  const ada = cluster.connect("user", { node: 0 });
  const grace = cluster.connect("user", { node: 1 });
  const heard: number[] = [];
  grace.on("ticked", (n) => heard.push(n));
  await cluster.settled();

  void ada.tick(1);
  await cluster.advance(59_000);
  expect(heard).toEqual([]);
  await cluster.advance(1_000);
  expect(heard).toEqual([1]);
});

test("who loses the connection misses what is said, and is back", async () => {
  await using cluster = createTestCluster(api, { nodes: 2, start });
  const grace = cluster.connect("user");
  const heard: number[] = [];
  grace.on("ticked", (n) => heard.push(n));
  await cluster.settled();

  cluster.unplug(grace);
  cluster.nodes[1]?.srv.room("all").broadcast("ticked", 1);
  await cluster.settled();
  cluster.plug(grace);
  await cluster.settled();
  cluster.nodes[1]?.srv.room("all").broadcast("ticked", 2);
  await cluster.settled();
  expect(heard).toEqual([2]);
});
