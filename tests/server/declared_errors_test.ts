/** Declared errors on requests, streams and questions; tests/runtimes has what every runtime is held to. */
import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  settle,
  SocketError,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { clientSurface } from "../../src/client/surface.ts";
import { loopback } from "../../src/testing/mod.ts";
import { leftOver } from "../helpers/api.ts";
import { rejection, thrown } from "../helpers/wait.ts";

let validations = 0;
const minimum = z.object({ minimum: z.number() });
/** Counts how often it is run. */
const counted: typeof minimum = Object.create(minimum, {
  "~standard": {
    value: {
      ...minimum["~standard"],
      validate: (value: unknown) => {
        validations++;
        return minimum["~standard"].validate(value);
      },
    },
  },
  _zod: { value: undefined },
});

const api = defineContract({
  shared: {
    serverToClient: {
      confirm: {
        input: z.string(),
        output: z.boolean(),
        errors: { BUSY: z.object({ inMs: z.number() }) },
      },
    },
  },
  roles: {
    user: {
      clientToServer: {
        bid: { input: z.string(), output: z.null(), errors: { LOW: counted } },
        plain: { input: z.string(), output: z.null() },
        tell: {
          input: z.string(),
          yields: z.number(),
          errors: { LOW: counted },
        },
      },
    },
  },
});

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function start() {
  const errors: string[] = [];
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" as const }),
    onError: (error) => void errors.push(String(error)),
  });
  srv.implement({
    user: {
      bid: (how, _ctx, _conn, call) => {
        if (how === "low") throw call.error("LOW", { minimum: 2 });
        return null;
      },
      plain: () => {
        throw new SocketError("ANY", "of any code", { any: "data" });
      },
      tell: async function* (_how, _ctx, _conn, call) {
        yield 1;
        throw call.error("LOW", { minimum: 3 }, "after one");
      },
    },
  });
  const client = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
    onError: () => {},
  });
  endings.push(() => srv.close(), () => client.close());
  await client.ready;
  validations = 0;
  return { srv, client, errors };
}

test("an entry without declared errors fails with any code, and nothing is validated", async () => {
  const { client } = await start();
  expect(await rejection(client.plain(""))).toMatchObject({
    code: "ANY",
    message: "of any code",
    data: { any: "data" },
  });
  expect(api.roles.get("user")?.calls.get("plain")).not.toHaveProperty(
    "errors",
  );
  expect(validations).toBe(0);
});

test("data is validated once when it leaves, and not when nothing fails", async () => {
  const { client } = await start();
  expect(await settle(client.bid(""))).toEqual({ ok: true, value: null });
  expect(validations).toBe(0);
  const { error } = await settle(client.bid("low"));
  expect(error?.code === "LOW" && error.data.minimum).toBe(2);
  expect(validations).toBe(1);
});

test("a stream fails with a declared error after its items", async () => {
  const { client, srv, errors } = await start();
  const answer = client.tell("");
  const seen: number[] = [];
  const loop = (async () => {
    for await (const n of answer) seen.push(n);
  })();
  expect(await rejection(loop)).toMatchObject({ code: "LOW" });
  const { error } = await settle(answer.result);
  expect(error?.code === "LOW" && error.data.minimum).toBe(3);
  expect(error?.message).toBe("after one");
  expect([seen, errors]).toEqual([[1], []]);
  expect(leftOver(srv)).toEqual({ sessions: 1 });
});

test("a client made of names has the types and gets the same", async () => {
  const { srv } = await start();
  const client = createClient<(typeof api)["definition"], "user">(
    clientSurface(api, "user"),
    {
      url: "ws://app.test",
      role: "user",
      WebSocket: loopback(srv),
    },
  );
  endings.push(() => client.close());
  const { error } = await settle(client.bid("low"));
  expect(error?.code === "LOW" && error.data.minimum).toBe(2);
  const seen: number[] = [];
  const loop = (async () => {
    for await (const n of client.tell("")) seen.push(n);
  })();
  expect(await rejection(loop)).toMatchObject({ code: "LOW" });
  expect(seen).toEqual([1]);
});

test("a question's declared error reaches the server with its data", async () => {
  const { srv, client } = await start();
  client.implement({
    confirm: (how, call) => {
      if (how === "busy") throw call.error("BUSY", { inMs: 5 }, "Later");
      if (how === "wrong") throw call.error("BUSY", {} as never);
      if (how === "other") throw new SocketError("SECRET", "of my own");
      if (how === "library") throw new SocketError("FORBIDDEN", "Not you");
      return true;
    },
  });
  const ask = (how: string) =>
    settle(srv.toConn(client.id ?? "").request("confirm", how));
  expect((await ask("")).value).toBe(true);
  const { error } = await ask("busy");
  expect(error?.code === "BUSY" && error.data.inMs).toBe(5);
  expect([error?.message, error?.remote]).toEqual(["Later", true]);
  expect((await ask("wrong")).error?.code).toBe("VALIDATION");
  expect((await ask("other")).error?.code).toBe("VALIDATION");
  expect((await ask("library")).error?.code).toBe("FORBIDDEN");
});

test("settle rejects with what is no SocketError", async () => {
  const reason = new Error("not of a call");
  expect(await rejection(settle(Promise.reject(reason)))).toBe(reason);
});

const wrong: Record<string, [entry: object, words: string]> = {
  "a code of the library's": [
    { input: z.null(), output: z.null(), errors: { NOT_FOUND: z.null() } },
    "one of the library's",
  ],
  "errors that are no object": [
    { input: z.null(), output: z.null(), errors: 7 },
    "must be an object of entries",
  ],
  "errors of a signal": [
    { input: z.null(), errors: { LOW: z.null() } },
    "a signal is not answered",
  ],
  "an error without a schema": [
    { input: z.null(), output: z.null(), errors: { LOW: {} } },
    "it is no schema",
  ],
  "yields without a schema": [
    { input: z.null(), yields: true },
    "it is no schema",
  ],
};
for (const [what, [entry, words]] of Object.entries(wrong)) {
  test(`${what} is refused when the contract is defined`, () => {
    const define = () =>
      defineContract(
        { roles: { user: { clientToServer: { ask: entry } } } } as never,
      );
    expect(String(thrown(define))).toContain(words);
  });
}

test("a question cannot stream its answer", () => {
  const ask = { input: z.null(), output: z.null(), yields: z.null() };
  const define = () =>
    defineContract({ roles: { user: { serverToClient: { ask } } } } as never);
  expect(String(thrown(define))).toContain("a question is answered once");
});
