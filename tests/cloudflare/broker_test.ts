/** Cloudflare's own adapter: the suite of all adapters, in workerd, and objects that sleep meanwhile. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { adapterSuite, skipReason } from "../../src/testing/mod.ts";
import { until, within } from "../helpers/wait.ts";
import { api } from "./broker_worker.ts";
import { bundleWorker, startWorker, type Workerd } from "./workerd.ts";

/** How long anything may take, on a slow machine. */
const PATIENCE_MS = 15_000;
let worker: Workerd;

beforeAll(async () => {
  const script = await bundleWorker("tests/cloudflare/broker_worker.ts");
  const classes = { BROKER: "Broker", LAB: "Lab", CHAT: "Chat" };
  worker = await startWorker(script, classes);
}, 60_000);

afterAll(() => worker[Symbol.asyncDispose]());

// The broker is an object of the platform's: it does not go away, so what needs an outage is not here.
const subject = { create: () => Promise.reject(), patienceMs: 1 };
for (const it of adapterSuite.filter((it) => !skipReason(it, subject))) {
  test(`${it.promise} ${it.name}`, async () => {
    const query = new URLSearchParams({
      case: it.name,
      object: crypto.randomUUID(),
    });
    const response = await fetch(`${worker.origin}/?${query}`);
    expect(await response.text()).toBe("");
  }, 200_000);
}

test(
  "an object that sleeps is woken for a message, and nothing comes twice",
  async () => {
    const dial = async (object: string) => {
      const client = createClient(api, {
        url: worker.origin,
        role: "user",
        params: { object },
      });
      const got: number[] = [];
      client.on("said", (n) => void got.push(n));
      await within(client.ready, PATIENCE_MS);
      return { client, got };
    };
    const wakes = async (object: string) =>
      await (await fetch(`${worker.origin}/wakes?object=${object}`)).json();
    const [ada, bob] = [await dial("one"), await dial("two")];
    expect(await ada.client.join("a")).toBe(true);
    expect(await bob.client.join("a")).toBe(true);
    const expected: number[] = [];
    for (let n = 1; n <= 4; n++) {
      await worker.evict("Chat", "two");
      if (n > 2) await worker.evict("Broker", "super-line");
      expected.push(n);
      await ada.client.say(n);
      await until(
        () => bob.got.length === n,
        () => String(bob.got),
        PATIENCE_MS,
      );
    }
    expect([ada.got, bob.got]).toEqual([expected, expected]);
    expect(await wakes("two")).toBe(5);
    // Nobody is left in the room there: the broker learns it, and stops waking the object.
    bob.client.close();
    ada.client.close();
  },
  60_000,
);
