import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { createInMemoryAdapter, MemoryBus } from "../../adapters/memory.ts";
import {
  createSocketServer,
  defineContract,
  type ErrorInfo,
  SocketError,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { connect, type Peer, type PeerOptions } from "../helpers/peer.ts";
import { rejection, settled, until, within } from "../helpers/wait.ts";
import { endAll, endings, upTo } from "./nodes.ts";

afterEach(endAll);

const text = z.object({ text: z.string() });
const contract = defineContract({
  shared: {
    serverToClient: {
      confirm: { input: text, output: z.object({ ok: z.boolean() }) },
      pick: {
        input: z.object({ from: z.array(z.string()).default(["a"]) }),
        output: z.coerce.number(),
      },
      said: { payload: text },
    },
  },
  roles: {
    user: {},
    agent: { serverToClient: { work: { input: text, output: text } } },
  },
  serverToServer: {
    load: {
      input: z.object({ of: z.string().default("cpu") }),
      output: z.object({ n: z.number() }),
    },
    note: text,
  },
});

function node(bus: MemoryBus) {
  const errors: [unknown, ErrorInfo][] = [];
  const srv = createSocketServer(contract, {
    adapter: createInMemoryAdapter(bus),
    authenticate: (request: Request) => ({
      role: new URL(request.url).searchParams.get("role") === "agent"
        ? "agent" as const
        : "user" as const,
    }),
    onConnection: (conn) => srv.room("all").add(conn),
    onError: (...told) => void errors.push(told),
  });
  srv.implement({});
  endings.push(() => srv.close());
  return { srv, errors };
}
type Srv = ReturnType<typeof node>["srv"];

async function client(srv: Srv) {
  const errors: unknown[] = [];
  const it = createClient(contract, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
    validate: "inbound",
    onError: (error) => errors.push(error),
  });
  endings.push(() => it.close());
  await it.ready;
  return { it, errors, id: it.id ?? "" };
}

function pair() {
  const bus = new MemoryBus();
  const [a, b] = [node(bus), node(bus)];
  return { bus, a: a.srv, b: b.srv, errors: [a.errors, b.errors] };
}

/** A raw client that the server has greeted. */
async function join(srv: Srv, options: PeerOptions = {}): Promise<Peer> {
  const peer = await connect(srv, options);
  await until(() => peer.of("hi").length === 1);
  return peer;
}
const idOf = (peer: Peer) => (peer.of("hi")[0]?.[1] as { id: string }).id;

for (const where of ["the same node", "another node"]) {
  const from = ({ a, b }: { a: Srv; b: Srv }) =>
    where === "the same node" ? b : a;

  test(`a question to a client of ${where} is answered, validated both ways`, async () => {
    const nodes = pair();
    const { it, id } = await client(nodes.b);
    const asked: unknown[] = [];
    it.implement({
      confirm: ({ text }) => ({ ok: text === "sure?" }),
      pick: (input) => {
        asked.push(input);
        return "7" as never; // the schema makes a number of it
      },
    });
    const target = from(nodes).toConn(id);
    expect(await target.request("confirm", { text: "sure?" })).toEqual({
      ok: true,
    });
    expect(await target.request("confirm", { text: "no?" })).toEqual({
      ok: false,
    });
    expect(await target.request("pick", {})).toBe(7);
    expect(asked).toEqual([{ from: ["a"] }]);
    const refused = await rejection(
      target.request("confirm", { text: 1 } as never),
    );
    expect(refused).toMatchObject({
      name: "TypeError",
      cause: { issues: [{ path: ["text"] }] },
    });
    it.implement({ confirm: () => ({ ok: "yes" }) as never });
    expect(await rejection(target.request("confirm", { text: "" })))
      .toMatchObject({
        code: "VALIDATION",
        data: { issues: [{ path: ["ok"] }] },
      });
  });

  test(`what an answer on ${where} throws arrives as itself or as INTERNAL, and no answer is NOT_FOUND`, async () => {
    const nodes = pair();
    const { it, id, errors } = await client(nodes.b);
    const target = from(nodes).toConn(id);
    expect(await rejection(target.request("confirm", { text: "" })))
      .toMatchObject({ code: "NOT_FOUND" });
    it.implement({
      confirm: () => {
        throw new SocketError("BUSY", "later", { inMs: 5 });
      },
      pick: async () => {
        await settled();
        throw new Error("secret");
      },
    });
    expect(await rejection(target.request("confirm", { text: "" })))
      .toMatchObject({ code: "BUSY", message: "later", data: { inMs: 5 } });
    const internal = await rejection(target.request("pick", {}));
    expect(internal).toMatchObject({ code: "INTERNAL" });
    expect(String(internal)).not.toContain("secret");
    expect(errors).toHaveLength(1);
  });

  test(`TIMEOUT and a signal end a question on ${where}, and the client is told`, async () => {
    const nodes = pair();
    const { it, id } = await client(nodes.b);
    let open = 0;
    it.implement({
      confirm: (_input, { signal }) =>
        new Promise((resolve) => {
          open++;
          signal.addEventListener("abort", () => {
            open--;
            resolve({ ok: false });
          });
        }),
    });
    const target = from(nodes).toConn(id);
    const late = target.request("confirm", { text: "" }, { timeoutMs: 300 });
    expect(await rejection(late)).toMatchObject({ code: "TIMEOUT" });
    const controller = new AbortController();
    const aborted = target.request("confirm", { text: "" }, controller);
    await until(() => open === 1);
    controller.abort(new Error("enough"));
    expect(await rejection(aborted)).toMatchObject({ message: "enough" });
    await until(() => open === 0);
    expect(
      await rejection(
        target.request("confirm", { text: "" }, {
          signal: AbortSignal.abort("no"),
        }),
      ),
    ).toBe("no");
  });

  test(`a client of ${where} that goes rejects its questions at once`, async () => {
    const nodes = pair();
    const { b } = nodes;
    const peer = await join(b);
    const asked = from(nodes).toConn(idOf(peer)).request("confirm", {
      text: "",
    }, { timeoutMs: Infinity });
    await until(() => peer.of("req").length === 1);
    peer.leave();
    expect(await rejection(asked)).toMatchObject({ code: "DISCONNECTED" });
    expect(
      await rejection(
        from(nodes).toConn(idOf(peer)).request("confirm", { text: "" }),
      ),
    )
      .toMatchObject({ code: "DISCONNECTED" });
  });
}

test("a node that is none, an id that is none, and a node that closes reject at once", async () => {
  const { a, b } = pair();
  const peer = await join(b);
  for (const id of ["x.y", `${b.nodeId}.z`, "nothing", ""]) {
    expect(
      await rejection(
        a.toConn(id).request("confirm", { text: "" }, { timeoutMs: Infinity }),
      ),
    )
      .toMatchObject({ code: "DISCONNECTED" });
  }
  const asked = a.toConn(idOf(peer)).request("confirm", { text: "" }, {
    timeoutMs: Infinity,
  });
  await until(() => peer.of("req").length === 1);
  await b.close();
  expect(await rejection(asked)).toMatchObject({ code: "DISCONNECTED" });
  expect(
    await rejection(
      a.toConn(idOf(peer)).request("confirm", { text: "" }, {
        timeoutMs: Infinity,
      }),
    ),
  )
    .toMatchObject({ code: "DISCONNECTED" });
});

test("other nodes that are not heard reject with UNAVAILABLE", async () => {
  const { a, b, bus } = pair();
  const peer = await join(b);
  await a.cluster.nodes();
  bus.fail();
  expect(await rejection(a.toConn(idOf(peer)).request("confirm", { text: "" })))
    .toMatchObject({ code: "UNAVAILABLE" });
});

test("only the connection that was asked can answer, and only once", async () => {
  const { b } = pair();
  const [peer, thief] = [await join(b), await join(b)];
  const asked = b.toConn(idOf(peer)).request("confirm", { text: "" });
  await until(() => peer.of("req").length === 1);
  const id = peer.of("req")[0]?.[1] as number;
  thief.say(["res", id, { ok: false }], ["err", id, "X", "y"]);
  await settled();
  peer.say(["res", id, { ok: true }], ["res", id, { ok: false }]);
  expect(await asked).toEqual({ ok: true });
  expect([peer.of("err"), thief.of("err")]).toEqual([[], []]);
  // What is no answer is malformed; one to nothing is none.
  thief.say(["res", 99], ["res", "x"], ["err", 1], ["err", 1, 2, 3]);
  await until(() => thief.of("err").length === 3);
  expect(thief.of("err").map(([, id, code]) => [id, code])).toEqual([
    [0, "BAD_REQUEST"],
    [0, "BAD_REQUEST"],
    [0, "BAD_REQUEST"],
  ]);
});

test("a question that is asked is cancelled on the wire, and a late answer is ignored", async () => {
  const { b } = pair();
  const peer = await join(b);
  const asked = b.toConn(idOf(peer)).request("confirm", { text: "" }, {
    timeoutMs: 10,
  });
  expect(await rejection(asked)).toMatchObject({ code: "TIMEOUT" });
  await until(() => peer.of("cancel").length === 1);
  const [, id] = peer.of("req")[0] ?? [];
  expect(peer.of("cancel")).toEqual([["cancel", id]]);
  peer.say(["res", id, { ok: true }]);
  await settled();
  expect(peer.end).toBeUndefined();
});

test("answers count for no flood, but unasked ones do", async () => {
  const { b } = pair();
  const peer = await join(b);
  const asked = upTo(2_000).map(() =>
    b.toConn(idOf(peer)).request("confirm", { text: "" })
  );
  await until(() => peer.of("req").length === 2_000);
  for (const [, id] of peer.of("req")) peer.say(["res", id, { ok: true }]);
  expect(await Promise.all(asked)).toHaveLength(2_000);
  for (const id of upTo(3_000, 5_000)) peer.say(["res", id]);
  expect(peer.end).toMatchObject({ code: 1008 });
});

test("a role's question does not reach a client of another role", async () => {
  const { a, b, errors } = pair();
  const [user, agent] = [await join(b), await join(b, { role: "agent" })];
  expect(
    await rejection(
      a.toConn(idOf(user), "agent").request("work", { text: "" }),
    ),
  )
    .toMatchObject({ code: "NOT_FOUND" });
  expect(user.of("req")).toEqual([]);
  expect(errors[1]).toHaveLength(1);
  const asked = a.toConn(idOf(agent), "agent").request("work", { text: "dig" });
  await until(() => agent.of("req").length === 1);
  agent.say(["res", agent.of("req")[0]?.[1], { text: "dug" }]);
  expect(await asked).toEqual({ text: "dug" });
  expect(
    await rejection(
      a.toConn(idOf(agent)).request("work" as never, {} as never),
    ),
  ).toBeInstanceOf(TypeError);
});

test("room.request gathers the answers of all nodes, the failures, and who gave none", async () => {
  const { a, b } = pair();
  const clients = [
    await client(a),
    await client(b),
    await client(b),
    await client(b),
  ];
  clients[0]?.it.implement({ confirm: () => ({ ok: true }) });
  clients[1]?.it.implement({ confirm: () => ({ ok: false }) });
  clients[2]?.it.implement({ confirm: () => new Promise(() => {}) });
  const mute = await join(b);
  const gathered = await a.room("all").request("confirm", { text: "" }, {
    timeoutMs: 600,
  });
  const byId = (one: { id: string }, two: { id: string }) =>
    one.id < two.id ? -1 : 1;
  expect(gathered.answers.toSorted(byId)).toEqual(
    [{ id: clients[0]?.id ?? "", output: { ok: true } }, {
      id: clients[1]?.id ?? "",
      output: { ok: false },
    }].toSorted(byId),
  );
  expect(gathered.failed).toMatchObject([{
    id: clients[3]?.id,
    error: { code: "NOT_FOUND" },
  }]);
  expect(gathered.missing.toSorted()).toEqual(
    [clients[2]?.id ?? "", idOf(mute)].toSorted(),
  );
  expect(gathered.missingNodes).toEqual([]);
  await until(() => mute.of("cancel").length === 1);
  // When all have answered it does not wait for the time.
  clients[2]?.it.implement({ confirm: () => ({ ok: true }) });
  mute.leave();
  await until(() => b.local.connections.length === 3);
  const all = await within(
    a.room("all").request("confirm", { text: "" }, { timeoutMs: Infinity }),
  );
  expect([all.answers.length, all.failed.length, all.missing]).toEqual([
    3,
    1,
    [],
  ]);
  expect(await a.room("none").request("confirm", { text: "" }))
    .toEqual({ answers: [], failed: [], missing: [], missingNodes: [] });
});

test("room.request tells who was lost with a node, and who left", async () => {
  const { a, b } = pair();
  const [here, there] = [await join(a), await join(b)];
  const asked = a.room("all").request("confirm", { text: "" }, {
    timeoutMs: Infinity,
  });
  await until(() =>
    here.of("req").length === 1 && there.of("req").length === 1
  );
  here.leave();
  await b.close();
  const gathered = await within(asked);
  expect(gathered.failed.map(({ id, error }) => [id, error.code]).toSorted())
    .toEqual(
      [here, there].map((peer) => [idOf(peer), "DISCONNECTED"]).toSorted(),
    );
});

test("askServers gathers each node's answer, its own included, and says which failed", async () => {
  const bus = new MemoryBus();
  const [a, b, c] = [node(bus), node(bus), node(bus)];
  a.srv.onServer("load", ({ of }) => ({ n: of.length }));
  b.srv.onServer("load", async ({ of }) => {
    await settled();
    return { n: -of.length };
  });
  await a.srv.cluster.nodes();
  const gathered = await within(
    a.srv.askServers("load", {}, { timeoutMs: Infinity }),
  );
  expect(gathered.answers.toSorted((one, two) => two.output.n - one.output.n))
    .toEqual([
      { nodeId: a.srv.nodeId, output: { n: 3 } },
      { nodeId: b.srv.nodeId, output: { n: -3 } },
    ]);
  expect(gathered.failed).toMatchObject([{
    nodeId: c.srv.nodeId,
    error: { code: "NOT_FOUND" },
  }]);
  expect(gathered.missing).toEqual([]);
  const off = c.srv.onServer("load", () => {
    throw new Error("secret");
  });
  const again = await within(b.srv.askServers("load", { of: "x" }));
  expect(again.failed).toMatchObject([{
    nodeId: c.srv.nodeId,
    error: { code: "INTERNAL" },
  }]);
  expect(c.errors).toHaveLength(1);
  off();
  c.srv.onServer("load", () => ({ n: "many" }) as never);
  const third = await within(b.srv.askServers("load", { of: "x" }));
  expect(third.failed).toMatchObject([{ error: { code: "VALIDATION" } }]);
  expect(() => a.srv.onServer("load", () => ({ n: 1 }))).toThrow(TypeError);
  expect(await rejection(a.srv.askServers("load", { of: 1 } as never)))
    .toBeInstanceOf(TypeError);
  expect(await rejection(a.srv.askServers("note" as never, {} as never)))
    .toBeInstanceOf(TypeError);
  expect(() => a.srv.emitServer("load" as never, {} as never)).toThrow(
    TypeError,
  );
});

test("askServers names a node that says nothing", async () => {
  const { a, b } = pair();
  a.onServer("load", () => ({ n: 1 }));
  b.onServer("load", () => new Promise(() => {}));
  await a.cluster.nodes();
  const { answers, missing } = await a.askServers("load", {}, {
    timeoutMs: 200,
  });
  expect(answers.map(({ nodeId }) => nodeId)).toEqual([a.nodeId]);
  expect(missing).toEqual([b.nodeId]);
});

test("nodes see each other come and go, whoever was first, and after an outage", async () => {
  const bus = new MemoryBus();
  const { srv: a } = node(bus);
  expect((await a.cluster.nodes()).map(({ nodeId }) => nodeId)).toEqual([
    a.nodeId,
  ]);
  const told: string[] = [];
  const off = a.cluster.onNode(({ nodeId }, change) =>
    void told.push(`${change} ${nodeId}`)
  );
  const { srv: b } = node(bus);
  await until(() => told.length === 1);
  const ids = async (srv: Srv) =>
    (await srv.cluster.nodes()).map(({ nodeId }) => nodeId).toSorted();
  expect(await ids(a)).toEqual([a.nodeId, b.nodeId].toSorted());
  expect(await ids(b)).toEqual([a.nodeId, b.nodeId].toSorted());
  bus.fail();
  const { srv: c } = node(bus);
  bus.restore();
  await until(() => told.length === 2);
  expect(await ids(c)).toEqual([a.nodeId, b.nodeId, c.nodeId].toSorted());
  await b.close();
  await until(() => told.length === 3);
  expect(told).toEqual([
    `joined ${b.nodeId}`,
    `joined ${c.nodeId}`,
    `left ${b.nodeId}`,
  ]);
  off();
  await c.close();
  await settled();
  expect(told).toHaveLength(3);
});

test("questions and answers of a binary serializer cross nodes", async () => {
  const bytes = defineContract({
    shared: {
      serverToClient: {
        confirm: { input: text, output: z.object({ ok: z.boolean() }) },
      },
    },
    roles: { user: {} },
    serializer: {
      name: "bytes",
      encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
      decode: (data) =>
        JSON.parse(new TextDecoder().decode(data as Uint8Array)),
    },
  });
  const bus = new MemoryBus();
  const create = () => {
    const srv = createSocketServer(bytes, {
      adapter: createInMemoryAdapter(bus),
      authenticate: () => ({ role: "user" as const }),
      onConnection: (conn) => srv.room("all").add(conn),
    });
    srv.implement({});
    endings.push(() => srv.close());
    return srv;
  };
  const [a, b] = [create(), create()];
  const it = createClient(bytes, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(b),
  });
  endings.push(() => it.close());
  it.implement({
    confirm: ({ text }) => {
      if (text === "no") throw new SocketError("NO", "no", { why: "é" });
      return { ok: text === "é\n" };
    },
  });
  await it.ready;
  const target = a.toConn(it.id ?? "");
  expect(await target.request("confirm", { text: "é\n" })).toEqual({
    ok: true,
  });
  expect(await rejection(target.request("confirm", { text: "no" })))
    .toMatchObject({ code: "NO", data: { why: "é" } });
  expect((await a.room("all").request("confirm", { text: "" })).answers)
    .toEqual([{ id: it.id ?? "", output: { ok: false } }]);
});
