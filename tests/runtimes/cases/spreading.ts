/** Events, rooms and topics: who gets what, in which order, in how many messages. */
import { assert, assertRejects, pause } from "../../../src/testing/assert.ts";
import { until } from "../until.ts";
import { defineCase, type Stage, type User } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

export const spreading: readonly RuntimeCase[] = [
  defineCase(
    "promises",
    "a room's members get its broadcasts in order, others nothing",
    async (stage) => {
      const [member, sender, other] = await three(stage);
      await member.join({ room: "a" });
      await other.join({ room: "b" });
      const [got, wrong] = [messages(member), messages(other)];
      const { members } = await sender.say({ room: "a", count: 100 });
      assert(members === 1, String(members));
      await until(() => got.length >= 100, () => `100 in ${got}`);
      assert(String(got) === String(upTo(100)), String(got));
      await other.echo({ text: "what was sent before has come" });
      assert(wrong.length === 0, String(wrong));
    },
  ),
  defineCase(
    "promises",
    "nothing comes after leaving a room, nor after a second join once",
    async (stage) => {
      const [member, sender] = await three(stage);
      const got = messages(member);
      await member.join({ room: "a" });
      await member.join({ room: "a" });
      await sender.say({ room: "a", count: 1 });
      await until(() => got.length > 0);
      await member.leave({ room: "a" });
      await sender.say({ room: "a", count: 5 });
      await member.echo({ text: "what was sent before has come" });
      assert(String(got) === "1", String(got));
    },
  ),
  defineCase(
    "promises",
    "a reply does not overtake the broadcast made before it",
    async (stage) => {
      const [client, other] = await three(stage);
      await client.join({ room: "a" });
      await other.join({ room: "a" });
      const got = messages(client);
      for (let round = 1; round <= 20; round++) {
        await client.say({ room: "a", count: 3 });
        assert(got.length === 3 * round, `${got.length} after ${round}`);
      }
    },
  ),
  defineCase(
    "promises",
    "broadcasts and direct events to one connection keep their order",
    async (stage) => {
      const [client, other] = await three(stage);
      await client.join({ room: "a" });
      await other.join({ room: "a" }); // with two members Bun's own publish is used
      const got: number[] = [];
      client.on("message", ({ n }) => void got.push(n));
      client.on("note", ({ n }) => void got.push(n));
      await client.mix({ room: "a", count: 200 });
      assert(String(got) === String(upTo(200)), String(got));
    },
  ),
  defineCase(
    "promises",
    "fifty members get every broadcast",
    async (stage) => {
      const clients = [];
      for (let n = 0; n < 50; n++) clients.push(await stage.greeted()); // browsers slow down who dials many at once
      clients.forEach((socket) =>
        socket.say(["req", 1, "join", { room: "a" }])
      );
      await Promise.all(clients.map((socket) => socket.next("res", 1)));
      clients[0]?.say(["req", 2, "say", { room: "a", count: 20 }]);
      for (const socket of clients) {
        const events = () => socket.frames.filter(([tag]) => tag === "evt");
        await until(() => events().length >= 20, () => socket.told());
        const got = events().map(([, , payload]) =>
          (payload as { n: number }).n
        );
        assert(String(got) === String(upTo(20)), String(got));
      }
    },
  ),
  defineCase(
    "wire",
    "ten events of one turn are one message, with the reply",
    async (stage) => {
      const socket = await stage.greeted();
      const before = socket.messages.length;
      socket.say(["req", 1, "burst", { count: 10, pad: 0 }]);
      await socket.next("res", 1);
      assert(socket.messages.length === before + 1, socket.told());
      assert(socket.frames.length === 12, socket.told());
    },
  ),
  defineCase(
    "wire",
    "a message has at most 64 KiB, unless it is one larger frame",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["req", 1, "burst", { count: 5, pad: 30_000 }]);
      socket.say(["req", 2, "burst", { count: 1, pad: 100_000 }]);
      await socket.next("res", 2);
      const notes = socket.frames.filter(([tag]) => tag === "evt");
      assert(notes.length === 6, String(notes.length));
      for (const message of socket.messages.map(String)) {
        const several = message.includes("\n");
        assert(!several || message.length <= 65_536, String(message.length));
      }
    },
  ),
  defineCase(
    "wire",
    "several frames of one message are handled in order",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(
        ...upTo(50).map((n) =>
          ["req", n, "echo", { text: String(n) }] as [string, ...unknown[]]
        ),
      );
      await socket.next("res", 50);
      const ids = socket.frames.slice(1).map(([, id]) => id);
      assert(String(ids) === String(upTo(50)), String(ids));
    },
  ),
  defineCase(
    "promises",
    "a topic's subscribers get what is published, and nothing after the end",
    async (stage) => {
      const [client, publisher] = await three(stage);
      const got: number[] = [];
      const news = client.subscribe("news", ({ n }) => void got.push(n));
      const { live } = await news.ready;
      assert(live, "live");
      await publisher.publish({ count: 3 });
      await until(() => got.length >= 3, () => `3 in ${got}`);
      news();
      await client.echo({ text: "the unsubscription has come" });
      await publisher.publish({ count: 3 });
      await client.echo({ text: "what was sent before has come" });
      assert(String(got) === "1,2,3", String(got));
    },
  ),
  defineCase(
    "promises",
    "subscribers of a topic with params get their own channel's messages, in order",
    async (stage) => {
      const [one, two, publisher] = await three(stage);
      const got: [string[], string[]] = [[], []];
      const hear = (client: User, at: 0 | 1, id: string) =>
        client.subscribe(
          "order",
          { id },
          ({ n }) => void got[at].push(`${id}${n}`),
        );
      const subs = [hear(one, 0, "a"), hear(two, 1, "a"), hear(two, 1, "b")];
      for (const { ready } of subs) assert((await ready).live, "live");
      await publisher.pack({ id: "a", count: 3 });
      await publisher.pack({ id: "b", count: 2 });
      await publisher.pack({ id: "c", count: 1 });
      await until(() => got[1].length >= 5, () => `5 in ${got[1]}`);
      subs[1]?.();
      await two.echo({ text: "the unsubscription has come" });
      await publisher.pack({ id: "a", count: 1 });
      for (const client of [one, two]) await client.echo({ text: "all came" });
      assert(String(got[0]) === "a1,a2,a3,a1", String(got[0]));
      assert(String(got[1]) === "a1,a2,a3,b1,b2", String(got[1]));
    },
  ),
  defineCase(
    "promises",
    "a kept topic: nothing is missed over a reconnect, a gap is told with a snapshot, an awaited publish comes before the reply",
    async (stage) => {
      // It comes back when the case says so.
      let open = Promise.resolve();
      const leave = async (): Promise<() => void> => {
        let comeBack = (): void => {};
        open = new Promise((resolve) => comeBack = resolve);
        client.end({ code: 1012, reason: "" });
        await until(() => client.state !== "open", () => "gone");
        return comeBack;
      };
      const url = stage.subject.origin + stage.path;
      const client = await stage.user({ url: () => open.then(() => url) });
      const publisher = await stage.user();
      const id = "a";
      const got: string[] = [];
      const sub = client.subscribe(
        "feed",
        { id },
        ({ n }) => void got.push(String(n)),
        {
          onSnapshot: (all) => void got.push(`[${all}]`),
          onGap: () => void got.push("gap"),
        },
      );
      assert((await sub.ready).live, "live");
      await client.keep({ id, from: 1, to: 2 });
      assert(String(got) === "[0],1,2", String(got)); // before the reply
      const back = () => until(() => client.state === "open", () => "back");
      let comeBack = await leave();
      await publisher.keep({ id, from: 3, to: 5 });
      comeBack();
      await back();
      await until(() => got.length >= 6, () => `6 in ${got}`);
      comeBack = await leave();
      await publisher.keep({ id, from: 6, to: 20 }); // more than are kept
      comeBack();
      await back();
      await until(() => got.filter((it) => it === "[0]").length === 2);
      await publisher.keep({ id, from: 21, to: 22 });
      await until(() => got.at(-1) === "22", () => String(got));
      const all = "[0],1,2,3,4,5,gap,[0],21,22";
      assert(String(got) === all, String(got));
    },
  ),
  defineCase(
    "promises",
    "a last value comes on subscribe, and after `after` only what is newer",
    async (stage) => {
      const client = await stage.user();
      await client.keep({ id: "b", from: 1, to: 3 });
      const got: number[] = [];
      const sub = client.subscribe("price", ({ n }) => void got.push(n));
      await sub.ready;
      await until(() => got.length > 0, () => "a value");
      assert(String(got) === "3", String(got));
      const other = await stage.user();
      const again: number[] = [];
      await other.subscribe("price", ({ n }) => void again.push(n), {
        after: sub.position ?? "",
      }).ready;
      await other.keep({ id: "b", from: 4, to: 4 });
      assert(String(again) === "4", String(again));
    },
  ),
  defineCase(
    "wire",
    "params that are missing, nested or refused are VALIDATION",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(
        ["sub", 1, "order"],
        ["sub", 2, ["order", { id: {} }]],
        ["sub", 3, ["order", { id: 1 }]],
        ["sub", 4, ["news", { id: "1" }]],
      );
      for (const id of [1, 2, 3, 4]) {
        const [, , code] = await socket.next("err", id);
        assert(code === "VALIDATION", String(code));
      }
      socket.say(["sub", 5, ["order", { id: "1" }]]);
      await socket.next("res", 5);
    },
  ),
  defineCase(
    "promises",
    "a listener is stopped by the function it returned, and by its Symbol.dispose",
    async (stage) => {
      const [client, publisher] = await three(stage);
      const got: string[] = [];
      const called = client.subscribe("news", () => void got.push("called"));
      const disposed = client.subscribe("news", () => void got.push("over"));
      const kept = client.subscribe("news", ({ n }) => void got.push(`${n}`));
      await Promise.all([called.ready, disposed.ready, kept.ready]);
      const offs = [
        called,
        disposed,
        client.on("note", () => void got.push("note")),
        client.onStatus(() => void got.push("status")),
        client.onReconnect(() => void got.push("reconnect")),
        client.onGap(() => void got.push("gap")),
      ];
      called();
      for (const off of offs) {
        assert(typeof off === "function", typeof off);
        off[Symbol.dispose]();
        off[Symbol.dispose](); // a second time does nothing
      }
      await client.burst({ count: 2, pad: 0 });
      await publisher.publish({ count: 2 });
      await until(() => got.length >= 2, () => `2 in ${got}`);
      client.close();
      assert(String(got) === "1,2", String(got));
    },
  ),
  defineCase(
    "wire",
    "a subscription may be refused, and is NOT_FOUND for another role's topic",
    async (stage) => {
      const client = await stage.user();
      const { ready } = client.subscribe("secret", () => {});
      await assertRejects(ready, "FORBIDDEN", 4_000, "secret");
      const socket = await stage.greeted();
      socket.say(["sub", 1, "task"], ["sub", 2, "__proto__"]);
      for (const id of [1, 2]) {
        const [, , code] = await socket.next("err", id);
        assert(code === "NOT_FOUND", String(code));
      }
      const agent = stage.agent();
      assert((await agent.subscribe("task", () => {}).ready).live, "its own");
    },
  ),
  defineCase(
    "wire",
    "unsubscribing while it is being authorized ends it",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["sub", 1, "late"], ["unsub", "late"]);
      const [, , joined] = await socket.next("res", 1);
      assert(JSON.stringify(joined) === '{"live":false}', "live");
      await pause(100);
      await stage.reports(
        "it is no subscription",
        ({ sizes }) => sizes["subscriptions"] === 0 && sizes["channels"] === 0,
      );
    },
  ),
  defineCase(
    "promises",
    "one throwing listener stops nobody",
    async (stage) => {
      const errors: unknown[] = [];
      const client = await stage.user({ onError: (it) => errors.push(it) });
      client.on("note", () => {
        throw new Error("listener");
      });
      let got = 0;
      client.on("note", () => void got++);
      await client.burst({ count: 2, pad: 0 });
      assert(got === 2 && errors.length === 2, `${got}, ${errors.length}`);
    },
  ),
];

async function three(stage: Stage): Promise<[User, User, User]> {
  return await Promise.all([stage.user(), stage.user(), stage.user()]);
}

function messages(client: User): number[] {
  const got: number[] = [];
  client.on("message", ({ n }) => void got.push(n));
  return got;
}
