/** Cloudflare's own adapter: the suite of all adapters, in workerd, and objects that sleep meanwhile. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "../../src/client/client.ts";
import { adapterSuite, skipReason } from "../../src/testing/mod.ts";
import { until, within } from "../helpers/wait.ts";
import { api } from "./broker_worker.ts";
import { listen } from "./told.ts";
import { bundleWorker, startWorker, type Workerd } from "./workerd.ts";

/** How long anything may take, on a slow machine. */
const PATIENCE_MS = 15_000;
const told = listen();
let worker: Workerd;

beforeAll(async () => {
  const script = await bundleWorker("tests/cloudflare/broker_worker.ts");
  const classes = { BROKER: "Broker", LAB: "Lab", CHAT: "Chat" };
  worker = await startWorker(script, classes, {
    bindings: { CONTROL: told.url },
  });
}, 60_000);

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  told[Symbol.dispose]();
});

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

/** A client in a room, on an object of its own. */
async function dial(object: string, room: string) {
  const client = createClient(api, {
    url: worker.origin,
    role: "user",
    params: { object },
  });
  const got: number[] = [];
  client.on("said", (n) => void got.push(n));
  await within(client.ready, PATIENCE_MS);
  expect(await client.join(room)).toBe(true);
  return {
    client,
    got,
    has: (count: number) =>
      until(() => got.length >= count, () => String(got), PATIENCE_MS),
  };
}

test(
  "an object that sleeps is woken for a message, and nothing comes twice",
  async () => {
    const [ada, bob] = [await dial("one", "a"), await dial("two", "a")];
    const expected: number[] = [];
    for (let n = 1; n <= 4; n++) {
      await worker.evict("Chat", "two");
      if (n > 2) await worker.evict("Broker", "super-line");
      expected.push(n);
      await ada.client.say({ room: "a", n });
      await bob.has(n);
    }
    expect([ada.got, bob.got]).toEqual([expected, expected]);
    expect(told.seen("two woken")).toBe(5);
    expect(told.seen("two connected")).toBe(1);
    ada.client.close();
    bob.client.close();
  },
  60_000,
);

test(
  "an object falls asleep by itself, and no message wakes it but one for its rooms",
  async () => {
    const sleeper = await dial("sleeper", "mine");
    const other = await dial("other", "theirs");
    const third = await dial("third", "theirs");
    const query = "?object=sleeper&role=user";
    const raw = new WebSocket(`${worker.origin}/${query}`, ["superline.v1"]);
    let pongs = 0;
    raw.onmessage = ({ data }) => void (pongs += Number(data === "pong"));
    await until(() => raw.readyState === 1, "open", PATIENCE_MS);
    const expected: number[] = [];
    let theirs = 0;
    // Whether it sleeps nobody can ask. The runtime waits for 10 s; on a slow machine it takes more than one look.
    const life = await sleeper.client.life(null);
    for (let n = 1; n <= 4 && await sleeper.client.life(null) === life; n++) {
      for (let half = 0; half < 24; half++) {
        await Bun.sleep(500);
        raw.send("ping"); // answered, and wakes nobody
        await other.client.say({ room: "theirs", n: ++theirs });
      }
      await third.has(theirs);
      expect(told.seen("sleeper woken")).toBe(1);
      expected.push(n);
      await other.client.say({ room: "mine", n });
      await sleeper.has(n);
    }
    await until(
      () => told.seen("sleeper woken") === 2,
      "woken twice",
      PATIENCE_MS,
    );
    expect(told.seen("sleeper connected")).toBe(2);
    await until(() => pongs === theirs, "pongs", PATIENCE_MS);
    raw.close();
    await other.client.say({ room: "mine", n: 0 });
    await sleeper.has(expected.length + 1);
    expect(sleeper.got).toEqual([...expected, 0]);
    expect(told.seen("sleeper woken")).toBe(2);
    expect(third.got.length).toBe(theirs);
  },
  90_000,
);

test(
  "an object that has died is made once for a message that nobody is there for, and not again",
  async () => {
    const dead = await dial("dead", "grave");
    const [other, third] = [
      await dial("mourner", "grave"),
      await dial("friend", "grave"),
    ];
    dead.client.die(null).catch(() => {});
    dead.client.close();
    for (let n = 1; n <= 3; n++) {
      await other.client.say({ room: "grave", n });
      await third.has(n);
      await until(
        () => told.seen("nameless woken") === 1,
        () => JSON.stringify(told.events),
        PATIENCE_MS,
      );
      if (n === 1) await worker.evict("Chat", "dead");
    }
    await other.client.say({ room: "grave", n: 4 });
    await third.has(4);
    expect(told.seen("nameless woken")).toBe(1);
    expect(told.seen("dead woken")).toBe(1);
  },
  60_000,
);
