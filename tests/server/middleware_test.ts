import { expect, test } from "bun:test";
import { type Middleware, SocketError } from "../../mod.ts";
import {
  createTestServer,
  leftOver,
  type TestOptions,
} from "../helpers/api.ts";
import { connect, type Fields } from "../helpers/peer.ts";
import { settled, until } from "../helpers/wait.ts";

type Use = NonNullable<TestOptions["use"]>;

/** A server with middleware, and a peer that has called it in all three kinds. */
async function tried(use: Middleware | Middleware[]) {
  let handled = 0;
  const made = createTestServer({ use: use as unknown as Use }, {
    run: ({ key }) => {
      handled++;
      return { value: key };
    },
    typing: () => void handled++,
  });
  const peer = await connect(made.srv);
  const request = await peer.call("req", 1, "run", { key: "x" });
  const subscribed = await peer.call("sub", 2, "presence");
  peer.say(["sig", "typing", { room: "a" }]);
  await settled();
  await settled();
  made.srv.publish("presence", { count: 1 });
  await settled();
  const stats = made.srv.stats();
  const heard = peer.of("pub").length;
  return {
    ...made,
    peer,
    request,
    subscribed,
    stats,
    heard,
    handled: () => handled,
  };
}

const refused = (
  id: number,
  code: string,
  message: string,
): Fields => ["err", id, code, message];

test("middleware runs around every kind of call, the first outermost", async () => {
  const log: string[] = [];
  const note = (name: string): Middleware => async (_ctx, info, next) => {
    log.push(`${name} ${info.kind} ${info.name}`);
    await next();
    log.push(`${name} done`);
  };
  const { request, subscribed, stats, heard } = await tried([
    note("a"),
    note("b"),
  ]);
  expect(log).toEqual(
    ["request run", "subscribe presence", "signal typing"].flatMap((call) => [
      `a ${call}`,
      `b ${call}`,
      "b done",
      "a done",
    ]),
  );
  expect(request).toEqual(["res", 1, { value: "x" }]);
  expect(subscribed).toEqual(["res", 2, { live: true }]);
  expect(stats.signals).toBe(1);
  expect(heard).toBe(1);
});

test("middleware sees ctx, connection and call, and runs before validation", async () => {
  const seen: unknown[] = [];
  const { srv } = createTestServer({
    use: async (ctx, { conn, call }, next) => {
      seen.push(ctx.name, conn.role, call.id);
      await next();
    },
  });
  const peer = await connect(srv);
  expect((await peer.call("req", 5, "run", { key: 1 }))[2]).toBe("VALIDATION");
  expect(seen).toEqual(["ada", "user", 5]);
});

for (
  const [title, middleware] of [
    ["returns without next", () => {}],
    ["resolves without next", async () => await Promise.resolve()],
  ] as [string, Middleware][]
) {
  test(`middleware that ${title} refuses with a reply, FORBIDDEN`, async () => {
    const { request, subscribed, stats, heard, handled, errors } = await tried(
      middleware,
    );
    expect(request).toEqual(
      refused(1, "FORBIDDEN", '"run" was refused by middleware'),
    );
    expect(subscribed[2]).toBe("FORBIDDEN");
    expect(stats).toMatchObject({ refusedSignals: 1, signals: 0 });
    expect([heard, handled()]).toEqual([0, 0]);
    expect(errors).toEqual([]);
  });
}

test("an inner middleware that refuses is seen by the outer one as a throw", async () => {
  const seen: unknown[] = [];
  const { request } = await tried([
    async (_ctx, _info, next) => {
      await next().catch((error) => {
        seen.push(error.code);
        throw new SocketError("MINE", "instead");
      });
    },
    () => {},
  ]);
  expect(request).toEqual(refused(1, "MINE", "instead"));
  expect(seen).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]);
});

test("next called twice runs the call once and fails it", async () => {
  const { request, handled, errors } = await tried(
    async (_ctx, _info, next) => {
      await next();
      await next();
    },
  );
  expect(request[2]).toBe("INTERNAL");
  expect(handled()).toBe(2); // the request and the signal, once each
  expect(String(errors[0]?.error)).toContain("next() was called twice");
});

test("next that is not awaited is awaited all the same", async () => {
  const { request, subscribed, stats, heard } = await tried(
    (_ctx, _info, next) => {
      next();
    },
  );
  expect(request).toEqual(["res", 1, { value: "x" }]);
  expect(subscribed).toEqual(["res", 2, { live: true }]);
  expect(stats.signals).toBe(1);
  expect(heard).toBe(1);
});

test("a failure that middleware swallows stays one", async () => {
  const { srv } = createTestServer({
    use: async (_ctx, _info, next) => {
      try {
        await next();
      } catch {
        // on purpose
      }
    },
  }, {
    run: () => {
      throw new SocketError("NO", "no");
    },
  });
  const peer = await connect(srv);
  expect(await peer.call("req", 1, "run", { key: "x" })).toEqual(
    refused(1, "NO", "no"),
  );
});

test("middleware that throws after next fails the call, a subscription too", async () => {
  const { request, subscribed, stats, heard, srv } = await tried(
    async (_ctx, _info, next) => {
      await next();
      throw new SocketError("AFTER", "thought again");
    },
  );
  expect(request).toEqual(refused(1, "AFTER", "thought again"));
  expect(subscribed).toEqual(refused(2, "AFTER", "thought again"));
  expect(stats).toMatchObject({ refusedSignals: 1, signals: 0 });
  expect(heard).toBe(0);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("middleware that throws anything else is INTERNAL and reported", async () => {
  const { request, subscribed, errors } = await tried(() => {
    throw new Error("inside");
  });
  expect(request).toEqual(refused(1, "INTERNAL", "The server failed"));
  expect(subscribed).toEqual(refused(2, "INTERNAL", "The server failed"));
  await until(() => errors.length === 3);
});

test("a request's outcome is known to middleware once next resolves", async () => {
  const took: string[] = [];
  const { srv } = createTestServer({
    use: async (_ctx, { name }, next) => {
      await next();
      took.push(name);
    },
  }, {
    run: async ({ key }) => {
      await settled();
      took.push("handler");
      return { value: key };
    },
  });
  const peer = await connect(srv);
  await peer.call("req", 1, "run", { key: "x" });
  expect(took).toEqual(["handler", "run"]);
});
