/** Targets, questions, presence and watching, between two nodes whose adapters are of any kind. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { createSocketServer, defineContract } from "../../mod.ts";
import type { Adapter } from "../../src/seams/adapter.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { rejection, until, within } from "../helpers/wait.ts";
import { endings } from "./nodes.ts";

const text = z.object({ text: z.string() });
const contract = defineContract({
  shared: {
    serverToClient: {
      confirm: { input: text, output: z.object({ ok: z.boolean() }) },
      said: { payload: text },
    },
  },
  roles: { user: {} },
  serverToServer: {
    load: { input: text, output: z.object({ n: z.number() }) },
  },
});

const PATIENCE_MS = 20_000;

/**
 * Registers it; its file says `afterEach(endAll)`.
 *
 * @param create Makes the adapter of one node: the first, or the second
 */
export function registerReachSuite(
  name: string,
  create: (at: number) => Adapter,
): void {
  test(`targets, questions, presence and watching: ${name}`, async () => {
    const make = (at: number) => {
      const srv = createSocketServer(contract, {
        adapter: create(at),
        authenticate: (request) => ({
          role: "user" as const,
          ctx: { name: new URL(request.url).searchParams.get("name") ?? "" },
        }),
        identify: ({ ctx }) => ctx.name,
        describe: ({ ctx }) => ({ name: ctx.name }),
        ...{ reach: true, presence: true },
      }).implement({});
      endings.push(() => srv.close());
      srv.onServer("load", ({ text }) => ({ n: text.length + at }));
      return srv;
    };
    const [a, b] = [make(0), make(1)];
    const join = async (srv: typeof a, name: string) => {
      const it = createClient(contract, {
        ...{ url: "ws://app.test", role: "user", params: { name } },
        WebSocket: loopback(srv),
      });
      endings.push(() => it.close());
      const got: string[] = [];
      it.on("said", ({ text }) => got.push(text));
      it.implement({ confirm: ({ text }) => ({ ok: text === name }) });
      await within(it.ready, PATIENCE_MS);
      const conn = srv.local.connections
        .find(({ ctx }) => (ctx as { name: string }).name === name);
      if (!conn) throw new Error("it is not there");
      await srv.room("lobby").add(conn);
      return { it, got, id: conn.id };
    };
    const ada = await join(a, "ada");
    const told: string[] = [];
    const off = a.cluster.watch({ room: "lobby" }, {
      join: ({ name }) => told.push(`+${name}`),
      leave: ({ name }) => told.push(`-${name}`),
    });
    expect(await within(off.ready, PATIENCE_MS)).toEqual({ live: true });
    const bob = await join(b, "bob");
    await until(() => told.length === 2, () => `told ${told}`, PATIENCE_MS);
    expect(told).toEqual(["+ada", "+bob"]);

    const target = a.toConn(bob.id);
    target.emit("said", { text: "one" });
    a.toUser("bob").emit("said", { text: "two" });
    a.toRole("user").emit("said", { text: "three" });
    await until(() => bob.got.length === 3, () => `${bob.got}`, PATIENCE_MS);
    expect(bob.got.toSorted()).toEqual(["one", "three", "two"]);
    expect(ada.got).toEqual(["three"]);
    expect(await target.request("confirm", { text: "bob" }))
      .toEqual({ ok: true });
    const { answers, missing, missingNodes } = await a.room("lobby")
      .request("confirm", { text: "ada" }, { timeoutMs: PATIENCE_MS });
    expect(answers.length).toBe(2);
    expect(answers.find(({ id }) => id === bob.id)?.output)
      .toEqual({ ok: false });
    expect([missing, missingNodes]).toEqual([[], []]);
    const loads = await a.askServers("load", { text: "abc" }, {
      timeoutMs: PATIENCE_MS,
    });
    expect(loads.answers.map(({ output }) => output.n).toSorted())
      .toEqual([3, 4]);

    expect(await b.cluster.count() && await a.cluster.count()).toBe(2);
    expect(await a.cluster.room("lobby")).toHaveLength(2);
    expect(await a.cluster.byUser("bob")).toMatchObject([
      { id: bob.id, nodeId: b.nodeId, name: "bob", rooms: ["lobby"] },
    ]);
    const [eve, dan] = [await join(b, "eve"), await join(b, "dan")];
    const codes: number[] = [];
    for (const { it } of [eve, dan]) {
      it.onStatus(({ state }) => void (state === "closed" && codes.push(1)));
    }
    a.toConn(eve.id).close(4409);
    await until(() => codes.length === 1, "close alone", PATIENCE_MS);
    a.toConn(dan.id).close(4409);
    target.emit("said", { text: "four" });
    await until(
      () => codes.length === 2 && bob.got.includes("four"),
      () => `${codes} ${bob.got}`,
      PATIENCE_MS,
    );
    await until(() => told.length === 6, () => `told ${told}`, PATIENCE_MS);
    told.splice(2);

    bob.it.close();
    await until(() => told.length === 3, () => `told ${told}`, PATIENCE_MS);
    expect(told.at(-1)).toBe("-bob");
    expect(await rejection(target.request("confirm", { text: "" })))
      .toMatchObject({ code: "DISCONNECTED" });
    expect(await b.isOnline("bob") || await a.isOnline("bob")).toBe(false);
  }, 5 * PATIENCE_MS);
}
