/** Streamed answers: what a client gets, what a generator is told, and that nothing stays. */
import { afterEach, describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  SocketError,
  type SocketServer,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { rejection, settled, until } from "../helpers/wait.ts";

const api = defineContract({
  roles: {
    user: {
      clientToServer: {
        count: {
          input: z.object({ to: z.number(), pad: z.number().default(0) }),
          yields: z.object({ n: z.number(), pad: z.string().optional() }),
          output: z.object({ total: z.number() }),
        },
        /** Without a result. */
        words: { input: z.string(), yields: z.string() },
        /** Ends as its input says. */
        end: { input: z.string(), yields: z.number(), output: z.null() },
        echo: { input: z.string(), output: z.string() },
      },
    },
  },
});

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A server whose generators are watched. */
function serverOf(options: object = {}) {
  const told: string[] = [];
  const errors: unknown[] = [];
  const state = { produced: 0, running: 0, finished: 0 };
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    onError: (error) => void errors.push(error),
    ...options,
  });
  srv.implement({
    user: {
      count: async function* ({ to, pad }, _ctx, _conn, { signal }) {
        state.running++;
        const padding = "x".repeat(pad);
        try {
          for (let n = 1; n <= to; n++) {
            state.produced++;
            yield pad ? { n, pad: padding } : { n };
          }
          return { total: to };
        } finally {
          state.running--;
          state.finished++;
          if (signal.aborted) told.push(String(signal.reason.code));
        }
      },
      words: (text) => text.split(" "),
      end: async function* (how, _ctx, _conn, { signal }) {
        state.running++;
        try {
          yield 1;
          if (how === "throws") throw new Error("database");
          if (how === "refuses") throw new SocketError("FULL", "No seat");
          if (how === "wrong item") yield "no number" as never;
          if (how === "wrong result") return "no null" as never;
          if (how === "hangs") {
            await new Promise((_, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason))
            );
          }
          yield 2;
          return null;
        } finally {
          state.running--;
          state.finished++;
        }
      },
      echo: (text) => text,
    },
  });
  endings.push(() => srv.close());
  return { srv, told, errors, state };
}

function clientOf(srv: SocketServer, options: object = {}) {
  const client = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv as never),
    onError: () => {},
    ...options,
  });
  endings.push(() => client.close());
  return client;
}

test("items come in order, then the result", async () => {
  const { srv, state } = serverOf();
  const client = clientOf(srv as never);
  const answer = client.count({ to: 100 });
  const seen: number[] = [];
  for await (const { n } of answer) seen.push(n);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
  expect(await answer.result).toEqual({ total: 100 });
  expect(state).toEqual({ produced: 100, running: 0, finished: 1 });
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a handler may return anything that can be iterated, and no result", async () => {
  const { srv } = serverOf();
  const client = clientOf(srv as never);
  const answer = client.words("a stream of words");
  const seen: string[] = [];
  for await (const word of answer) seen.push(word);
  expect(seen).toEqual(["a", "stream", "of", "words"]);
  expect(await answer.result).toBeUndefined();
});

test("at most 16 items are under way that the client did not ask for", async () => {
  const { srv, state } = serverOf();
  const peer = await connect(srv);
  peer.say(["req", 1, "count", { to: 1_000 }]);
  await settled();
  const items = () => peer.frames.filter(([tag]) => tag === "next").length;
  expect(items()).toBe(16);
  expect(state.produced).toBe(16);
  peer.say(["more", 1, 5]);
  await settled();
  expect([items(), state.produced]).toEqual([21, 21]);
  peer.say(["cancel", 1]);
  await settled();
  expect(state).toEqual({ produced: 21, running: 0, finished: 1 });
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("credit for more than came is malformed, and of a stream that is over it is ignored", async () => {
  const { srv } = serverOf();
  const peer = await connect(srv);
  peer.say(["req", 1, "count", { to: 1_000 }]);
  await settled();
  for (const items of [17, 0, -1, 1.5, "1", null]) peer.say(["more", 1, items]);
  expect(srv.stats().malformed).toBe(6);
  peer.say(["more", 9, 3]);
  expect(srv.stats().malformed).toBe(6);
  peer.say(["more", 9]);
  expect(srv.stats().malformed).toBe(7);
});

test("credit counts as no frame in framesPerSecond", async () => {
  const { srv } = serverOf({
    limits: { framesPerSecond: 0.001, frameBurst: 3, maxSubscriptions: 1 },
  });
  const client = clientOf(srv as never);
  let count = 0;
  for await (const _ of client.count({ to: 1_000 })) count++;
  expect(count).toBe(1_000);
});

describe("the generator ends once", () => {
  test("when the reader breaks: the server is told, and result rejects", async () => {
    const { srv, state, told } = serverOf();
    const client = clientOf(srv as never);
    const answer = client.count({ to: 1e9 });
    for await (const { n } of answer) if (n === 40) break;
    const error = await rejection(answer.result) as Error;
    expect(error.name).toBe("AbortError");
    await until(() => state.finished === 1, "finally");
    expect(told).toEqual(["DISCONNECTED"]);
    expect(await client.echo("a")).toBe("a");
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  });

  test("when the loop's body throws", async () => {
    const { srv, state } = serverOf();
    const client = clientOf(srv as never);
    const loop = (async () => {
      for await (const _ of client.count({ to: 1e9 })) throw new Error("body");
    })();
    expect(String(await rejection(loop))).toBe("Error: body");
    await until(() => state.finished === 1, "finally");
  });

  test("when its signal aborts: the loop and result reject with the reason", async () => {
    const { srv, state } = serverOf();
    const client = clientOf(srv as never);
    const stop = new AbortController();
    const answer = client.count({ to: 1e9 }, { signal: stop.signal });
    const loop = (async () => {
      for await (const { n } of answer) if (n === 20) stop.abort("enough");
    })();
    expect(await rejection(loop)).toBe("enough");
    expect(await rejection(answer.result)).toBe("enough");
    await until(() => state.finished === 1, "finally");
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  });

  test("when it is cancelled while the server waits", async () => {
    const { srv, state, errors } = serverOf();
    const client = clientOf(srv as never);
    const answer = client.end("hangs");
    const loop = (async () => {
      for await (const _ of answer) setTimeout(() => answer.cancel(), 2);
    })();
    expect((await rejection(loop) as Error).name).toBe("AbortError");
    await until(() => state.finished === 1, "finally");
    expect(errors).toEqual([]);
    expect(leftOver(srv)).toEqual({ sessions: 1 });
  });

  test("when the client goes", async () => {
    const { srv, state, told } = serverOf();
    const client = clientOf(srv as never);
    const answer = client.count({ to: 1e9 });
    for await (const _ of answer) {
      client.close();
      break;
    }
    expect((await rejection(answer.result) as SocketError).code).toBe(
      "DISCONNECTED",
    );
    await until(() => state.finished === 1, "finally");
    expect(told).toEqual(["DISCONNECTED"]);
    await until(() => Object.keys(leftOver(srv)).length === 0, "nothing left");
  });

  const kinds: [string, string, number][] = [
    ["throws", "INTERNAL", 1],
    ["refuses", "FULL", 0],
    ["wrong item", "INTERNAL", 1],
    ["wrong result", "INTERNAL", 1],
  ];
  for (const [how, code, reported] of kinds) {
    test(`when it ${how}: ${code} after what came before`, async () => {
      const { srv, state, errors } = serverOf();
      const client = clientOf(srv as never);
      const answer = client.end(how);
      const seen: number[] = [];
      const loop = (async () => {
        for await (const n of answer) seen.push(n);
      })();
      const error = await rejection(loop) as SocketError;
      expect(error.code).toBe(code);
      expect(await rejection(answer.result)).toBe(error);
      expect(seen[0]).toBe(1);
      await until(() => state.finished === 1, "finally");
      expect([state.running, errors.length]).toEqual([0, reported]);
      expect(leftOver(srv)).toEqual({ sessions: 1 });
    });
  }

  test("when the server closes: UNAVAILABLE, and the signal aborts", async () => {
    const { srv, state, told } = serverOf();
    const client = clientOf(srv as never, { reconnect: false });
    const answer = client.count({ to: 1e9 });
    const loop = (async () => {
      for await (const { n } of answer) if (n === 20) void srv.close();
    })();
    expect((await rejection(loop) as SocketError).code).toBe("UNAVAILABLE");
    await until(() => state.finished === 1, "finally");
    expect(told).toEqual(["UNAVAILABLE"]);
  });

  test("when a drain is over: an endless stream runs until its deadline and does not hold it up", async () => {
    const { srv, state } = serverOf();
    const client = clientOf(srv as never, { reconnect: false });
    const answer = client.count({ to: 1e9 });
    const last = { n: 0, atStart: 0 };
    let closed: Promise<void> | undefined;
    const start = performance.now();
    const loop = (async () => {
      for await (const { n } of answer) {
        last.n = n;
        if (!closed) closed = srv.close({ drainMs: 150 });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    expect((await rejection(loop) as SocketError).code).toBe("UNAVAILABLE");
    await closed;
    const ms = performance.now() - start;
    expect(ms).toBeGreaterThan(140);
    expect(ms).toBeLessThan(2_000);
    expect(last.n).toBeGreaterThan(16);
    await until(() => state.finished === 1, "finally");
  });
});

test("only result awaited: the items are dropped and the generator runs to its end", async () => {
  const { srv, state } = serverOf();
  const client = clientOf(srv as never);
  expect(await client.count({ to: 500 }).result).toEqual({ total: 500 });
  expect(state.produced).toBe(500);
});

test("neither iterated nor awaited: 16 items wait, and the time does not run", async () => {
  const { srv, state } = serverOf();
  const client = clientOf(srv as never);
  const answer = client.count({ to: 500 }, { timeoutMs: 30 });
  await new Promise((resolve) => setTimeout(resolve, 90));
  expect(state.produced).toBe(16);
  const seen: number[] = [];
  for await (const { n } of answer) seen.push(n);
  expect(seen.length).toBe(500);
});

test("a server that is silent while items are asked for is TIMEOUT, and its generator ends", async () => {
  const { srv, state } = serverOf();
  const client = clientOf(srv as never);
  const answer = client.end("hangs", { timeoutMs: 40 });
  const loop = (async () => {
    for await (const _ of answer);
  })();
  expect((await rejection(loop) as SocketError).code).toBe("TIMEOUT");
  await until(() => state.finished === 1, "finally");
});

test("streams count as calls in flight", async () => {
  const { srv } = serverOf({ limits: { maxInFlight: 2 } });
  const peer = await connect(srv);
  peer.say(["req", 1, "count", { to: 1e9 }]);
  peer.say(["req", 2, "count", { to: 1e9 }]);
  peer.say(["req", 3, "echo", "a"]);
  expect((await peer.answer(3))[2]).toBe("RATE_LIMITED");
  expect(srv.stats().sizes.calls).toBe(2);
});

test("a handler that returns nothing to iterate is INTERNAL", async () => {
  const errors: unknown[] = [];
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    onError: (error) => void errors.push(error),
  });
  endings.push(() => srv.close());
  srv.implement({
    user: {
      count: () => 7 as never,
      words: () => "text" as never,
      end: () => null as never,
      echo: (text) => text,
    },
  });
  const client = clientOf(srv as never);
  const answers = [client.count({ to: 1 }), client.words(""), client.end("")];
  for (const { result } of answers) {
    expect((await rejection(result) as SocketError).code).toBe("INTERNAL");
  }
  expect(errors.map(String).join()).toContain("must return a generator");
});

test("a server of before, without the feature, is never sent one: UNAVAILABLE", async () => {
  const { srv } = serverOf();
  const Socket = loopback(srv);
  class Older extends Socket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      let take: typeof this.onmessage = null;
      Object.defineProperty(this, "onmessage", {
        set(fn: typeof take) {
          take = fn &&
            (({ data }) =>
              fn({ data: String(data).replace(',"streams"', "") }));
        },
        get: () => take,
      });
    }
  }
  const client = clientOf(srv as never, { WebSocket: Older });
  const error = await rejection(client.count({ to: 1 }).result) as SocketError;
  expect(error.code).toBe("UNAVAILABLE");
  expect(srv.stats().framesIn).toBe(0);
});

test("middleware runs around the start, and may refuse", async () => {
  const { srv } = serverOf({
    use: async (
      _ctx: unknown,
      { name }: { name: string },
      next: () => Promise<void>,
    ) => {
      if (name === "end") throw new SocketError("FORBIDDEN", "not you");
      await next();
    },
  });
  const client = clientOf(srv as never);
  expect((await client.count({ to: 3 }).result).total).toBe(3);
  expect((await rejection(client.end("").result) as SocketError).code).toBe(
    "FORBIDDEN",
  );
});

test("a stream that is cancelled while its middleware waits never starts", async () => {
  const gate = Promise.withResolvers<void>();
  const { srv, state } = serverOf({
    use: async (_ctx: unknown, _info: unknown, next: () => Promise<void>) => {
      await gate.promise;
      await next();
    },
  });
  const peer = await connect(srv);
  peer.say(["req", 1, "count", { to: 3 }]);
  peer.say(["cancel", 1]);
  gate.resolve();
  await until(() => srv.stats().sizes.calls === 0, "no call");
  expect(state.produced).toBe(0);
  expect(peer.frames.some(([tag]) => tag === "next")).toBe(false);
});

test("a client that validates holds each item to its schema", async () => {
  const { srv, state } = serverOf({ validateOutput: false });
  const client = clientOf(srv as never, { validate: "inbound" });
  const loop = (async () => {
    for await (const _ of client.end("wrong item"));
  })();
  expect((await rejection(loop) as SocketError).code).toBe("VALIDATION");
  await until(() => state.running === 0, "finally");
});
