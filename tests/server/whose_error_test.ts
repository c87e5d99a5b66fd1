/** Whose error it is: what another client or node answered never reaches a third party by itself. */
import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  isSocketError,
  SocketError,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { rejection, until, within } from "../helpers/wait.ts";

const where = z.object({ source: z.string(), kind: z.string() });
const confirm = { input: z.string(), output: z.object({ ok: z.boolean() }) };
const api = defineContract({
  shared: {
    clientToServer: {
      relay: { input: where, output: z.null() },
      tell: { input: where },
      /** Answered as a question is, so that a handler's own client can ask. */
      serve: { input: z.string(), output: z.object({ ok: z.boolean() }) },
      translate: { input: z.null(), output: z.null() },
      askMe: { input: z.null(), output: z.null() },
      others: { input: z.null(), output: z.array(z.string()) },
    },
    serverToClient: {
      confirm,
      chained: { input: z.null(), output: z.null() },
      unhandled: confirm,
      news: { payload: z.null(), subscribe: true },
    },
  },
  roles: { user: {} },
  serverToServer: {
    load: confirm,
    nested: { input: z.null(), output: z.null() },
  },
});

const SECRET = "boss's internal";
const isLeak = (text: string) =>
  text.includes(SECRET) || text.includes("MY_SECRET") ||
  text.includes("hunter");

/** Ends as the kind says. */
function end(kind: string): Promise<{ ok: boolean }> | { ok: boolean } {
  if (kind === "own code") {
    throw new SocketError("MY_SECRET", SECRET, { password: "hunter2" });
  }
  if (kind === "wrong answer") return { ok: SECRET as never };
  if (kind === "plain error") throw new Error(SECRET);
  return new Promise(() => {}); // no answer
}

const bus = new MemoryBus();
const endings: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of endings.reverse()) await end();
});

/** What fails in hooks, by the client's name. */
const people = new Map<string, string>();
const errors: unknown[] = [];

function node() {
  const srv = createSocketServer(api, {
    adapter: createInMemoryAdapter(bus),
    authenticate: async (request) => {
      const name = new URL(request.url).searchParams.get("name") ?? "";
      if (name === "via authenticate") await pass("own code");
      return { role: "user" as const, ctx: { name } };
    },
    onConnection: async (conn, { name }) => {
      people.set(name, conn.id);
      void srv.room(name).add(conn);
      if (name === "via onConnection") await pass("own code");
    },
    authorizeSubscribe: async () => {
      await pass("own code");
      return true;
    },
    use: async (_ctx, { name, conn }, next) => {
      if (people.get("via middleware") === conn.id && name === "others") {
        await pass("own code");
      }
      await next();
    },
    onError: (error) => void errors.push(error),
  });
  const pass = (kind: string) =>
    srv.toConn(idOf("bob")).request("confirm", kind);
  srv.implement({
    shared: {
      relay: async ({ source, kind }) => {
        await sources[source]?.(srv, kind);
        return null;
      },
      tell: async ({ source, kind }) => void await sources[source]?.(srv, kind),
      serve: (kind) => end(kind),
      translate: async () => {
        try {
          await pass("own code");
        } catch (cause) {
          throw new SocketError("REFUSED", "Bob refused", undefined, { cause });
        }
        return null;
      },
      askMe: (_input, _ctx, conn) =>
        srv.toConn(conn.id).request("chained", null),
      others: async () => {
        const { failed } = await srv.askServers("nested", null);
        return failed.map(({ error }) => `${error.code} ${error.message}`);
      },
    },
  });
  srv.onServer("load", (kind) => end(kind));
  srv.onServer("nested", async () => {
    await pass("own code");
    return null;
  });
  endings.push(() => srv.close());
  return srv;
}
type Srv = ReturnType<typeof node>;

const idOf = (name: string) => people.get(name) ?? "nobody";

function client(srv: Srv, name: string) {
  const it = createClient(api, {
    url: "ws://app.test",
    role: "user",
    params: { name },
    reconnect: false,
    WebSocket: loopback(srv),
    onError: () => {},
  });
  endings.push(() => it.close());
  return it;
}

const first = node();
const second = node();
const bob = client(first, "bob").implement({ confirm: end });
const carol = client(second, "carol").implement({ confirm: end });
const service = client(second, "service");

const ask =
  (name: string, question: "confirm" | "unhandled") =>
  async (srv: Srv, kind: string) => {
    if (kind === "gone") {
      const guest = client(name === "carol" ? second : first, "guest");
      guest.implement({ confirm: () => (guest.close(), end("silence")) });
      await guest.ready;
      await until(() => people.has("guest"), "the guest");
      await srv.toConn(idOf("guest")).request("confirm", kind);
      return;
    }
    await srv.toConn(idOf(name)).request(question, kind, { timeoutMs: 50 });
  };

/** Ways for a handler to be refused by somebody else. */
const sources: Record<string, (srv: Srv, kind: string) => Promise<unknown>> = {
  "toConn on this node": ask("bob", "confirm"),
  "toConn on another node": ask("carol", "confirm"),
  "toConn, a question without an answer": ask("bob", "unhandled"),
  "room.request": async (srv, kind) => {
    const { failed } = await srv.room("bob").request("confirm", kind);
    throw failed[0]?.error;
  },
  "askServers": async (srv, kind) => {
    const { failed } = await srv.askServers("load", kind);
    throw failed[0]?.error;
  },
  "a client in the handler": async (_srv, kind) => {
    if (kind === "gone") {
      const own = client(second, "gone");
      await own.ready;
      setTimeout(() => own.close(), 5);
      return await own.serve(kind);
    }
    if (kind === "wrong input") return await service.serve(7 as never);
    return await service.serve(kind, { timeoutMs: 50 });
  },
};

/** The kinds of each source, and what onError is told. */
const kinds: Record<string, Record<string, string>> = {
  "toConn on this node": {
    "own code": "MY_SECRET",
    "wrong answer": "VALIDATION",
    "plain error": "INTERNAL",
    "silence": "TIMEOUT",
    "gone": "DISCONNECTED",
  },
  "toConn on another node": {
    "own code": "MY_SECRET",
    "wrong answer": "VALIDATION",
    "plain error": "INTERNAL",
    "silence": "TIMEOUT",
    "gone": "DISCONNECTED",
  },
  "toConn, a question without an answer": { "own code": "NOT_FOUND" },
  "room.request": {
    "own code": "MY_SECRET",
    "wrong answer": "VALIDATION",
    "plain error": "INTERNAL",
  },
  "askServers": {
    "own code": "MY_SECRET",
    "wrong answer": "VALIDATION",
    "plain error": "INTERNAL",
  },
  "a client in the handler": {
    "own code": "MY_SECRET",
    "wrong input": "VALIDATION",
    "wrong answer": "INTERNAL",
    "plain error": "INTERNAL",
    "silence": "TIMEOUT",
    "gone": "DISCONNECTED",
  },
};

/** The errors that onError was told of and that came from others. */
const told = () => errors.filter(isSocketError);

for (const [source, outcomes] of Object.entries(kinds)) {
  describe(source, () => {
    for (const [kind, code] of Object.entries(outcomes)) {
      test(`${kind}: INTERNAL for the caller, ${code} at onError`, async () => {
        const ada = client(first, "ada");
        await Promise.all([ada, bob, carol, service].map((it) => it.ready));
        errors.length = 0;
        const error = await rejection(
          ada.relay({ source, kind }),
        ) as SocketError;
        expect(error.code).toBe("INTERNAL");
        expect(error.message).toBe("The server failed");
        expect(error.data).toBeUndefined();
        await until(
          () => told().some((it) => it.code === code && it.remote),
          `${code} in ${errors}`,
        );
        if (code === "MY_SECRET" && source !== "askServers") {
          expect(told()[0]?.data).toEqual({ password: "hunter2" });
        }
      });

      test(`${kind}: a signal's handler that passes it on is reported`, async () => {
        const ada = client(first, "ada");
        await ada.ready;
        errors.length = 0;
        ada.tell({ source, kind });
        await until(
          () => told().some((it) => it.code === code && it.remote),
          `${code} in ${errors}`,
        );
      });
    }
  });
}

test("a SocketError that the handler makes of it reaches the caller", async () => {
  const ada = client(first, "ada");
  const error = await rejection(ada.translate(null)) as SocketError;
  expect([error.code, error.message]).toEqual(["REFUSED", "Bob refused"]);
});

describe("thrown on", () => {
  const stranger = async (name: string) => {
    const ada = client(first, name);
    const closed = Promise.withResolvers<string>();
    ada.onStatus(({ code, reason }) =>
      code && closed.resolve(`${code} ${reason}`)
    );
    await bob.ready;
    errors.length = 0;
    return { ada, closed: within(closed.promise) };
  };
  const reported = () =>
    until(() => told().some(({ code }) => code === "MY_SECRET"), "onError");

  for (const hook of ["authenticate", "onConnection"]) {
    test(`by ${hook} it closes with 1011 and does not say why`, async () => {
      const { closed } = await stranger(`via ${hook}`);
      const reason = await closed;
      expect(reason).toStartWith("1011 ");
      expect(isLeak(reason)).toBe(false);
      await reported();
    });
  }

  test("by middleware it is INTERNAL", async () => {
    const { ada } = await stranger("via middleware");
    const error = await rejection(ada.others(null)) as SocketError;
    expect([error.code, error.data]).toEqual(["INTERNAL", undefined]);
    await reported();
  });

  test("by authorizeSubscribe it is INTERNAL", async () => {
    const { ada } = await stranger("ada");
    const { ready } = ada.subscribe("news", () => {});
    expect((await rejection(ready) as SocketError).code).toBe("INTERNAL");
    await reported();
  });

  test("by a listener of onServer it is INTERNAL for the node that asked", async () => {
    const { ada } = await stranger("ada");
    const failures = await ada.others(null);
    expect(failures.length).toBe(2);
    for (const it of failures) expect(it).toBe("INTERNAL The node failed");
    await reported();
  });

  test("by a client's answer it is INTERNAL for the server", async () => {
    const { ada } = await stranger("ada");
    ada.implement({
      chained: async () => {
        await service.serve("own code");
        return null;
      },
    });
    const error = await rejection(ada.askMe(null)) as SocketError;
    expect(error.code).toBe("INTERNAL");
    await until(
      () => told().some(({ code }) => code === "INTERNAL"),
      "onError",
    );
    expect(told().some(({ message }) => isLeak(message))).toBe(false);
  });
});

test("a client of another copy of the package, whose errors have no such mark, keeps its code", async () => {
  const foreign = Object.assign(new Error("No seat is left"), {
    name: "SocketError",
    code: "FULL",
    data: { seats: 0 },
  });
  const srv = createSocketServer(
    defineContract({
      roles: {
        user: {
          clientToServer: { book: { input: z.null(), output: z.null() } },
        },
      },
    }),
    { authenticate: () => ({ role: "user" as const }) },
  );
  srv.implement({
    user: {
      book: () => {
        throw foreign;
      },
    },
  });
  const contract = defineContract({
    roles: {
      user: { clientToServer: { book: { input: z.null(), output: z.null() } } },
    },
  });
  const ada = createClient(contract, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
  });
  const error = await rejection(ada.book(null)) as SocketError;
  expect([error.code, error.data]).toEqual(["FULL", { seats: 0 }]);
  expect(error.remote).toBe(true);
  ada.close();
  await srv.close();
});
