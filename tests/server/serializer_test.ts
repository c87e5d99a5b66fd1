import { expect, test } from "bun:test";
import { decode, encode } from "@msgpack/msgpack";
import { z } from "zod";
import {
  createInMemoryAdapter,
  createSocketServer,
  defineContract,
  MemoryBus,
  type Serializer,
  SocketError,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/loopback.ts";
import { leftOver } from "../helpers/api.ts";
import { connect } from "../helpers/peer.ts";
import { serve } from "../helpers/serve.ts";
import { rejection, until, within } from "../helpers/wait.ts";

const msgpack: Serializer = {
  name: "msgpack",
  encode: (value) => encode(value),
  decode: (data) => decode(data as Uint8Array),
};

/** As superjson does it: JSON with a note on what is a date. */
const dated: Serializer = {
  name: "dated",
  encode: (value) =>
    JSON.stringify(value, function (this: Record<string, unknown>, key, plain) {
      const own = this[key];
      return own instanceof Date ? { $date: own.getTime() } : plain;
    }),
  decode: (text) =>
    JSON.parse(
      String(text),
      (_key, value) =>
        value?.$date !== undefined ? new Date(value.$date) : value,
    ),
};

const thing = z.object({ at: z.date(), text: z.string() });

function contractOf(serializer: Serializer) {
  return defineContract({
    shared: {
      clientToServer: {
        echo: { input: thing, output: thing },
        fail: { input: z.object({}), output: z.object({}) },
        nothing: { input: z.undefined(), output: z.undefined() },
        mark: { input: thing },
        burst: { input: z.object({ count: z.number() }), output: z.object({}) },
      },
      serverToClient: {
        said: { payload: thing },
        numbered: { payload: z.object({ n: z.number() }) },
        topic: { payload: thing, subscribe: true },
      },
    },
    roles: { user: {} },
    serverToServer: { moved: thing },
    serializer,
  });
}

function serverOf(serializer: Serializer, bus?: MemoryBus) {
  const contract = contractOf(serializer);
  const errors: unknown[] = [];
  const marks: { at: Date; text: string }[] = [];
  const srv = createSocketServer(contract, {
    authenticate: () => ({ role: "user" as const }),
    onConnection: (conn) => void srv.room("all").add(conn),
    onError: (error) => void errors.push(error),
    ...(bus && { adapter: createInMemoryAdapter(bus) }),
  });
  srv.implement({
    shared: {
      echo: (input) => input,
      fail: () => {
        throw new SocketError("LATE", "too late", { since: new Date(5) });
      },
      nothing: () => undefined,
      mark: (input) => void marks.push(input),
      burst: ({ count }, _ctx, conn) => {
        for (let n = 0; n < count; n++) {
          if (n % 3 === 0) srv.room("all").broadcast("numbered", { n });
          else conn.emit("numbered", { n });
        }
        return {};
      },
    },
  });
  return { contract, srv, errors, marks };
}

const value = {
  at: new Date(1_700_000_000_000),
  text: 'line\nfeed \0 😀 \u2028 "',
};

for (const serializer of [dated, msgpack]) {
  for (const how of ["loopback", "a Bun server"]) {
    test(`${serializer.name} carries every kind of payload over ${how}`, async () => {
      const { contract, srv, errors, marks } = serverOf(serializer);
      await using running = serve(srv, srv);
      const client = createClient(contract, {
        url: running.url,
        role: "user",
        validate: "inbound",
        ...(how === "loopback" && { WebSocket: loopback(srv) }),
      });
      const heard: unknown[] = [];
      client.on("said", (said) => heard.push(said));
      const sub = client.subscribe("topic", (said) => heard.push(said));
      expect(await within(client.echo(value))).toEqual(value);
      expect(await within(client.nothing())).toBeUndefined();
      expect(await within(sub.ready)).toEqual({ live: true });
      expect(await rejection(client.fail({}))).toMatchObject({
        code: "LATE",
        data: { since: new Date(5) },
      });
      expect(await rejection(client.echo({ at: "no date" } as never)))
        .toMatchObject({ code: "VALIDATION", data: { issues: [{}, {}] } });
      client.mark(value);
      srv.room("all").broadcast("said", value);
      srv.publish("topic", value);
      await until(() => heard.length === 2 && marks.length === 1);
      expect(heard).toEqual([value, value]);
      expect(marks).toEqual([value]);
      expect(errors).toEqual([]);
      client.close();
      await until(() => Object.keys(leftOver(srv)).length === 0);
    });

    test(`${serializer.name} keeps the order of mixed frames over ${how}`, async () => {
      const { contract, srv } = serverOf(serializer);
      await using running = serve(srv, srv);
      const clients = [1, 2].map(() =>
        createClient(contract, {
          url: running.url,
          role: "user",
          ...(how === "loopback" && { WebSocket: loopback(srv) }),
        })
      );
      await Promise.all(clients.map((client) => client.ready));
      const heard: number[] = [];
      clients[0]?.on("numbered", ({ n }) => heard.push(n));
      const counts = [0, 0];
      clients[1]?.on("numbered", () => counts[1]!++);
      await within(clients[0]!.burst({ count: 999 }));
      expect(heard).toEqual(Array.from({ length: 999 }, (_, n) => n));
      await until(() => counts[1] === 333);
      for (const client of clients) client.close();
    });
  }

  test(`${serializer.name} crosses nodes`, async () => {
    const bus = new MemoryBus();
    const nodes = [
      serverOf(serializer, bus),
      serverOf(serializer, bus),
    ] as const;
    const [one, two] = nodes;
    const client = createClient(two.contract, {
      url: "ws://app.test/",
      role: "user",
      WebSocket: loopback(two.srv),
    });
    const heard: unknown[] = [];
    client.on("said", (said) => heard.push(said));
    await client.ready;
    const off = two.srv.onServer("moved", (moved) => heard.push(moved));
    await off.ready;
    await until(() => two.srv.room("all").size === 1);
    one.srv.room("all").broadcast("said", value);
    one.srv.emitServer("moved", value);
    await until(() => heard.length === 2);
    expect(heard).toEqual([value, value]);
    client.close();
    for (const { srv, errors } of nodes) {
      await within(srv.close());
      expect(errors).toEqual([]);
    }
  });
}

test("a payload that the serializer cannot read is VALIDATION, and no handler sees it", async () => {
  for (const serializer of [dated, msgpack]) {
    const { srv, errors, marks } = serverOf(serializer);
    const peer = await connect(srv);
    peer.say(["req", 1, "echo", "{not json"], ["req", 2, "echo", { plain: 1 }]);
    peer.say(["sig", "mark", 5]);
    expect((await peer.answer(1))[2]).toBe("VALIDATION");
    expect((await peer.answer(2))[2]).toBe("VALIDATION");
    expect(marks).toEqual([]);
    expect(srv.stats().refusedSignals).toBe(1);
    expect(errors).toEqual([]);
  }
});

test("binary messages of any bytes end in a reply or a counted refusal", async () => {
  for (const serializer of [dated, msgpack]) {
    const { srv, errors } = serverOf(serializer);
    for (let round = 0; round < 200; round++) {
      const peer = await connect(srv);
      const bytes = new Uint8Array(round % 40);
      crypto.getRandomValues(bytes);
      if (round % 2) bytes.fill(0, 0, 4);
      peer.events?.message(bytes);
      peer.leave();
    }
    expect(srv.stats().malformed).toBe(200);
    expect(errors).toEqual([]);
  }
});

test("a serializer that throws at encode fails the one call", async () => {
  const picky: Serializer = {
    ...dated,
    encode: (given) => {
      if ((given as { text?: string }).text === "no") throw new Error("cannot");
      return dated.encode(given);
    },
  };
  const { srv, errors } = serverOf(picky);
  const peer = await connect(srv);
  const input = (text: string) =>
    String(dated.encode({ at: new Date(1), text }));
  expect((await peer.call("req", 1, "echo", input("no")))[2]).toBe("INTERNAL");
  expect((await peer.call("req", 2, "echo", input("yes")))[0]).toBe("res");
  expect(errors.map(String)).toEqual(["Error: cannot"]);
  expect(() =>
    srv.room("all").broadcast("said", { at: new Date(), text: "no" })
  )
    .toThrow("cannot");
});
