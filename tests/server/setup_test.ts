/** Wrong set-up says what was attempted, what was found and what is needed. */
import { expect, test } from "bun:test";
import { mistakes } from "./setup_cases.ts";
import { createReference } from "../../src/shared/reference.ts";
import { createSocketServer, defineContract } from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { serve } from "../helpers/serve.ts";
import { until } from "../helpers/wait.ts";

for (const [mistake, message] of mistakes) {
  const shown = String(mistake).replace(/\s+/g, " ").slice(0, 200);
  test(`${message} (${shown})`, () => {
    expect(mistake).toThrow(new Error(message));
    try {
      mistake();
    } catch (error) {
      expect(["TypeError", "RangeError"]).toContain((error as Error).name);
    }
  });
}

test("there are at least 60 of them, each with a message of its own form", () => {
  expect(mistakes.length).toBeGreaterThan(60);
  for (const [, message] of mistakes) {
    expect(message).toMatch(
      /^Cannot .+(must be|did you mean|install|import|needs|must start) /,
    );
  }
});

test("a server whose contract has neither requests nor signals serves without implement", async () => {
  const api = defineContract({ roles: { user: {} } });
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user" }),
  });
  await using running = serve(srv, srv);
  const client = createClient(api, { url: running.url, role: "user" });
  await client.ready;
  client.close();
  expect(() => srv.implement({})).not.toThrow();
  expect(() => srv.implement({})).toThrow("it was done already");
});

test("options may be a function of the server, whose hooks use it", async () => {
  const api = defineContract({
    shared: { serverToClient: {} },
    roles: { user: {} },
  });
  const joined: string[] = [];
  const srv = createSocketServer(api, (srv) => ({
    authenticate: () => ({ role: "user" }),
    onConnection: (conn) => {
      void srv.room("lobby").add(conn);
      joined.push(conn.id);
    },
  }));
  await using running = serve(srv, srv);
  const client = createClient(api, { url: running.url, role: "user" });
  await client.ready;
  await until(() => srv.room("lobby").size === 1);
  expect(joined).toEqual([client.id ?? ""]);
  client.close();
});

test("the server cannot be used while its options are made", () => {
  const api = defineContract({ roles: { user: {} } });
  expect(() =>
    createSocketServer(api, (srv) => ({
      authenticate: () => ({ role: "user" }),
      path: `/${srv.nodeId}`,
    }))
  ).toThrow(
    "Cannot use the server yet: its options are being made, use it in a hook",
  );
});

test("a reference behaves as its object once that is there", () => {
  const { value, set } = createReference<
    { n: number; add(by: number): number }
  >("too early");
  expect(() => value.n).toThrow("too early");
  set({
    n: 1,
    add(by) {
      return this.n += by;
    },
  });
  const { add } = value;
  expect(add(2)).toBe(3);
  expect(value.n).toBe(3);
});
