import { expect, test } from "bun:test";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import { RecordingHost } from "../../src/testing/recording_host.ts";

/** Lets all payloads of this turn arrive. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

function join(bus: MemoryBus, ...channels: string[]) {
  const host = new RecordingHost();
  const adapter = createInMemoryAdapter(bus);
  adapter.open(host);
  for (const channel of channels) void adapter.subscribe(channel);
  return { adapter, host };
}

test("a subscription is live when subscribe returns, a payload arrives at the end of the turn", async () => {
  const bus = new MemoryBus();
  const from = join(bus);
  const to = join(bus, "c");
  from.adapter.publish("c", "x");
  expect(to.host.received("c")).toEqual([]);
  await undefined;
  expect(to.host.received("c")).toEqual(["x"]);
});

test("an adapter without a bus is alone", async () => {
  const { adapter, host } = join(new MemoryBus());
  expect(adapter.alone?.()).toBe(true);
  const other = createInMemoryAdapter();
  other.open(new RecordingHost());
  await other.subscribe("c");
  other.publish("c", "x");
  await adapter.subscribe("c");
  await turn();
  expect(host.count).toBe(0);
});

test("size follows the adapters that are open", async () => {
  const bus = new MemoryBus();
  const unopened = createInMemoryAdapter(bus);
  expect(bus.size).toBe(0);
  const { adapter } = join(bus);
  unopened.open(new RecordingHost());
  expect([bus.size, adapter.alone?.()]).toEqual([2, false]);
  await unopened.close();
  expect([bus.size, adapter.alone?.()]).toEqual([1, true]);
  await adapter.close();
  await adapter.close();
  expect(bus.size).toBe(0);
});

test("a node that another one ends while a payload is handed out does not get it", async () => {
  const bus = new MemoryBus();
  const first = join(bus, "c");
  const closed = join(bus, "c");
  const left = join(bus, "c");
  const last = join(bus, "c");
  first.host.onMessage = () => {
    void closed.adapter.close();
    void left.adapter.unsubscribe("c");
  };
  first.adapter.publish("c", "x");
  await turn();
  expect([closed, left, last].map(({ host }) => host.count))
    .toEqual([0, 0, 1]);
});

test("fail and restore are told once each, to a node that comes meanwhile too", () => {
  const bus = new MemoryBus();
  const early = join(bus);
  bus.fail();
  bus.fail();
  expect(bus.up).toBe(false);
  const late = join(bus);
  bus.restore();
  bus.restore();
  expect(bus.up).toBe(true);
  expect(early.host.statuses).toEqual(["down", "up"]);
  expect(late.host.statuses).toEqual(["down", "up"]);
});

test("a node that closes while the bus is down is told no more", async () => {
  const bus = new MemoryBus();
  const { adapter, host } = join(bus, "c");
  bus.fail();
  await adapter.close();
  bus.restore();
  expect(host.statuses).toEqual(["down"]);
});

test("what a node costs to leave does not depend on the channels of the others", async () => {
  const bus = new MemoryBus();
  join(bus, ...Array.from({ length: 100_000 }, (_, at) => `c${at}`));
  const small = Array.from({ length: 1_000 }, () => join(bus, "c1", "c2"));
  const start = performance.now();
  await Promise.all(small.map(({ adapter }) => adapter.close()));
  // Looking at every channel takes more than a hundred times as long.
  expect(performance.now() - start).toBeLessThan(500);
  expect(bus.size).toBe(1);
});
