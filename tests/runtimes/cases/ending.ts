/** How a connection ends, what both sides hear of it, and how a client comes back. */
import { assert, assertRejects } from "../../../src/testing/assert.ts";
import { until } from "../until.ts";
import { defineCase, lost, statusOf } from "../stage.ts";
import type { RuntimeCase } from "../subject.ts";

export const ending: readonly RuntimeCase[] = [
  ...[[1000, "bye"], [3000, ""], [4999, "é👍"], [1001, "moved"]].map((
    [code, reason],
  ) =>
    defineCase(
      "drift",
      `a close by the server arrives on both sides: ${code} ${reason}`,
      async (stage) => {
        const socket = await stage.greeted({ name: "closed" });
        socket.say(["sig", "end", { code, reason }]);
        const end = await socket.closed();
        assert(end.code === code && end.reason === reason, socket.told());
        await stage.reports("onDisconnect has the code", ({ log }) =>
          log.some((it) => it.kind === "close" && it.code === code));
      },
    )
  ),
  defineCase(
    "drift",
    "a close by the client arrives on the server",
    async (stage) => {
      const socket = await stage.greeted();
      socket.close(4321, "off");
      const { code } = await socket.closed();
      assert(code === 4321, socket.told());
      await stage.reports("onDisconnect has the code, once", ({ log }) => {
        const closes = log.filter(({ kind }) => kind === "close");
        return closes.length === 1 && closes[0]?.code === 4321;
      });
    },
  ),
  defineCase(
    "drift",
    "codes that may not be sent become 1000",
    async (stage) => {
      const codes = [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70_000, 1.5];
      for (const code of codes) {
        const socket = await stage.greeted();
        socket.say(["sig", "end", { code }]);
        const end = await socket.closed();
        assert(end.code === 1000, `${code}: ${socket.told()}`);
      }
    },
  ),
  defineCase(
    "drift",
    "a reason is cut to 123 bytes, at a whole character",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["sig", "end", { code: 4000, reason: "€".repeat(60) }]);
      const { code, reason } = await socket.closed();
      assert(code === 4000 && reason === "€".repeat(41), socket.told());
    },
  ),
  defineCase(
    "promises",
    "what was sent before a close still arrives, and nothing after",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(
        ["req", 1, "burst", { count: 300, pad: 1_000 }],
        ["sig", "end", { code: 4000, reason: "done" }],
        ["req", 2, "echo", { text: "too late" }],
      );
      assert((await socket.closed()).code === 4000, socket.told());
      // An object asks between how far the client has read.
      const tags = socket.frames.map(([tag]) => tag)
        .filter((tag) => tag !== "req");
      assert(tags.length === 302, String(tags.length));
      assert(tags.at(-1) === "res", String(tags.at(-1)));
      assert(socket.happened.at(-1) === "close", socket.told());
    },
  ),
  defineCase("wire", "ping is answered with pong", async (stage) => {
    const socket = await stage.greeted();
    for (let n = 0; n < 3; n++) socket.send("ping");
    await until(() => socket.messages.filter((it) => it === "pong").length > 2);
    socket.say(["req", 1, "echo", { text: "" }]);
    await socket.next("res", 1);
  }),
  defineCase(
    "wire",
    "a client that is silent for too long is closed with 4408, one that pings is not",
    async (stage) => {
      const silent = await stage.greeted();
      silent.send("ping"); // workerd ends a connection late on which nothing ever came
      const lively = await stage.greeted();
      const timer = setInterval(() => lively.send("ping"), 200);
      try {
        assert((await silent.closed()).code === 4408, silent.told());
        assert(lively.end === undefined, lively.told());
      } finally {
        clearInterval(timer);
      }
    },
    { preset: "small" },
  ),
  defineCase("wire", "a frame before hi closes with 4400", async (stage) => {
    const socket = stage.raw({ name: "longhook" });
    await until(() => socket.happened.includes("open"));
    socket.say(["req", 1, "echo", { text: "" }]);
    assert((await socket.closed()).code === 4400, socket.told());
  }),
  defineCase(
    "promises",
    "a client comes back after the server closed, and its topics with it",
    async (stage) => {
      const client = await stage.user();
      const told = statusOf(client);
      let reconnects = 0;
      client.onReconnect(() => void reconnects++);
      const got: number[] = [];
      await client.subscribe("news", ({ n }) => void got.push(n)).ready;
      const first = client.id;
      client.end({ code: 1012 });
      const { code, willRetry } = await lost(told);
      assert(code === 1012 && willRetry, JSON.stringify(told));
      await until(() => reconnects === 1, "a reconnect");
      assert(client.id !== first, "a new connection");
      const end = Date.now() + 4_000;
      while (got.length === 0) { // it is being authorized again
        assert(Date.now() < end, "nothing comes on the topic");
        await client.publish({ count: 1 });
      }
    },
  ),
  defineCase(
    "promises",
    "a sent request rejects DISCONNECTED when the connection ends, an unsent one waits",
    async (stage) => {
      const client = await stage.user();
      const sent = client.hang({ key: "cut" });
      client.end({ code: 1012 });
      await assertRejects(sent, "DISCONNECTED", 4_000, "hang");
      const { text } = await client.echo({ text: "after" });
      assert(text === "after", text);
    },
  ),
  defineCase("wire", "a kicked client does not come back", async (stage) => {
    const client = await stage.user();
    const told = statusOf(client);
    client.end({ code: 4409, reason: "kicked" });
    const { code, reason, willRetry } = await lost(told);
    assert(code === 4409 && reason === "kicked", JSON.stringify(told));
    assert(!willRetry && client.state === "closed", client.state);
  }),
  defineCase("drift", "close() twice is once", async (stage) => {
    const client = await stage.user();
    const told = statusOf(client);
    client.close();
    client.close();
    assert(client.state === "closed", client.state);
    await assertRejects(
      client.echo({ text: "" }),
      "DISCONNECTED",
      1_000,
      "echo",
    );
    const { log } = await stage.reports(
      "one close",
      ({ log }) => log.some(({ kind }) => kind === "close"),
    );
    const closes = log.filter(({ kind }) => kind === "close");
    assert(closes.length === 1 && closes[0]?.code === 1000, "1000, once");
    assert(told.length === 1, JSON.stringify(told));
  }),
  defineCase(
    "promises",
    "close() settles what is pending",
    async (stage) => {
      const client = await stage.user();
      const call = client.hang({ key: "pending" });
      client.close();
      await assertRejects(call, "DISCONNECTED", 1_000, "hang");
    },
  ),
  defineCase(
    "safe",
    "an expired login closes with 4410, a renewed one does not",
    async (stage) => {
      const [expiring, renewed] = await Promise.all([
        stage.greeted({ ttl: "1500" }),
        stage.greeted({ ttl: "1500" }),
      ]);
      const [, hello] = expiring.frames[0] ?? [];
      assert(
        typeof (hello as { expiresAt?: unknown }).expiresAt === "number",
        expiring.told(),
      );
      renewed.say(["auth", 1, "stale"], ["auth", 2, "fresh"]);
      await renewed.next("err", 1);
      const [, , renewal] = await renewed.next("res", 2);
      assert(
        (renewal as { expiresAt: number }).expiresAt > Date.now() + 30_000,
        JSON.stringify(renewal),
      );
      expiring.send("ping"); // workerd ends a connection late on which nothing ever came
      assert((await expiring.closed()).code === 4410, expiring.told());
      assert(renewed.end === undefined, renewed.told());
    },
  ),
  defineCase(
    "safe",
    "a server that closes tells 1012, and takes nobody new",
    async (stage) => {
      const [first, second] = [await stage.greeted(), await stage.greeted()];
      for (const socket of [first, second]) {
        socket.send("ping"); // workerd ends a connection late on which nothing ever came
        await until(() => socket.messages.includes("pong"));
      }
      await stage.control("close");
      for (const socket of [first, second]) {
        assert((await socket.closed()).code === 1012, socket.told());
      }
      await stage.raw().refused();
    },
  ),
  defineCase(
    "safe",
    "a server that drains says away, lets requests finish, then 1012",
    async (stage) => {
      const socket = await stage.greeted();
      socket.say(["req", 1, "hang", { key: "drain" }]);
      await stage.reports("it runs", ({ sizes }) => sizes["calls"] === 1);
      await stage.control("close", 1_000);
      const [, away] = await socket.next("away");
      assert(
        (away as { withinMs: number }).withinMs === 1_000,
        JSON.stringify(away),
      );
      socket.say(["req", 2, "echo", { text: "still" }]);
      await socket.next("res", 2);
      assert((await socket.closed()).code === 1012, socket.told());
    },
  ),
  defineCase(
    "drift",
    "clients that come and go at once leave nothing",
    async (stage) => {
      for (let round = 0; round < 10; round++) {
        const sockets = [await stage.greeted(), stage.raw()]; // one is not open yet
        for (const socket of sockets) socket.close();
      }
      const client = await stage.user();
      assert((await client.echo({ text: "next" })).text === "next", "echo");
    },
  ),
];
