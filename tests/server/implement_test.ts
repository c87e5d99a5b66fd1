import { expect, test } from "bun:test";
import { createSocketServer } from "../../mod.ts";
import { api, authenticateByQuery, createTestServer } from "../helpers/api.ts";
import { upgradeRequest } from "../helpers/peer.ts";
import { thrown } from "../helpers/wait.ts";

function bare() {
  return createSocketServer(api, { authenticate: authenticateByQuery });
}

const handlers = () => ({
  shared: {
    echo: ({ text }: { text: string }) => ({ text }),
    join: () => ({ live: true }),
    run: ({ key }: { key: string }) => ({ value: key }),
    typing: () => {},
  },
  user: { whoami: () => ({ name: "", level: 1 }) },
  agent: { act: () => ({ done: true }) },
});

test("implement returns the server itself", () => {
  const srv = bare();
  expect(srv.implement(handlers())).toBe(srv);
});

test("a missing handler is an error at once that names it", () => {
  const { whoami: _, ...user } = handlers().user;
  const error = thrown(() =>
    bare().implement({ ...handlers(), user: user as never })
  );
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain('"user.whoami"');
});

test("a missing block is an error that names its first handler", () => {
  const { agent: _, ...rest } = handlers();
  const error = thrown(() => bare().implement(rest as never));
  expect(String(error)).toContain('"agent.act"');
});

test("a handler without an entry is an error that names it", () => {
  const given = handlers();
  const error = thrown(() =>
    bare().implement(
      { ...given, user: { ...given.user, fly: () => {} } } as never,
    )
  );
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toContain('"user.fly"');
});

test("after a refused implement a right one is taken", () => {
  const srv = bare();
  thrown(() => srv.implement({} as never));
  expect(() => srv.implement(handlers())).not.toThrow();
});

test("implement twice is an error", () => {
  const srv = bare();
  srv.implement(handlers());
  expect(() => srv.implement(handlers())).toThrow(TypeError);
});

test("before implement an upgrade is answered with 503 and a message", async () => {
  const handshake = await bare().handshake(upgradeRequest());
  if (handshake.kind !== "respond") throw new Error("it was let in");
  expect(handshake.response.status).toBe(503);
  expect(await handshake.response.text()).toContain("implement()");
});

test("a server without authenticate is a TypeError", () => {
  expect(() => createSocketServer(api, {} as never)).toThrow(TypeError);
});

test("a limit that is not above 0 is a RangeError that names it", () => {
  const error = thrown(() => createTestServer({ limits: { maxInFlight: 0 } }));
  expect(error).toBeInstanceOf(RangeError);
  expect(String(error)).toContain("maxInFlight");
  expect(() => createTestServer({ limits: { maxRooms: Number.NaN } })).toThrow(
    RangeError,
  );
});

test("an option that is undefined has its default", async () => {
  const { srv } = createTestServer({
    limits: { maxInFlight: undefined as never },
  });
  const handshake = await srv.handshake(upgradeRequest());
  expect(handshake.kind).toBe("upgrade");
});

test("no member of a server has a name that Bun reads on a default export", () => {
  const { srv } = createTestServer();
  for (
    const name of [
      "stop",
      "port",
      "hostname",
      "routes",
      "error",
      "tls",
      "unix",
      "id",
    ]
  ) expect(name in srv).toBe(false);
});
