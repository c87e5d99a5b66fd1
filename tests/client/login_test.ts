import { expect, test } from "bun:test";
import { z } from "zod";
import {
  createSocketServer,
  defineContract,
  type ServerOptions,
} from "@super-line/edge";
import { createClient } from "@super-line/edge/client";
import { loopback } from "@super-line/edge/testing";
import { until } from "../helpers/wait.ts";

const definition = {
  roles: {
    user: { clientToServer: { who: { input: z.null(), output: z.string() } } },
  },
} as const;
const api = defineContract(definition);
type Options = ServerOptions<typeof definition, { readonly role: "user" }>;

function start(refresh: Options["refresh"] | undefined) {
  const closes: number[] = [];
  const srv = createSocketServer(api, {
    authenticate: () => ({ role: "user", expiresAt: Date.now() + 400 }),
    onDisconnect: (_conn, _ctx, code) => void closes.push(code),
    ...(refresh && { refresh }),
  });
  srv.implement({ user: { who: (_input, _ctx, conn) => conn.id } });
  let asked = 0;
  const errors: unknown[] = [];
  const client = createClient(api, {
    url: "ws://app.test",
    role: "user",
    WebSocket: loopback(srv),
    token: () => `token-${asked++}`,
    onError: (error) => errors.push(error),
  });
  return { srv, client, closes, errors, asked: () => asked };
}

test("a login is renewed on the open connection before it ends", async () => {
  const tokens: string[] = [];
  const { srv, client, closes } = start((token) => {
    tokens.push(token);
    return { role: "user", expiresAt: Date.now() + 400 };
  });
  const id = await client.who(null);
  await until(() => tokens.length >= 3, "three renewals", 5_000);
  expect(tokens.slice(0, 3)).toEqual(["token-1", "token-2", "token-3"]);
  expect(await client.who(null)).toBe(id);
  expect(closes).toEqual([]);
  client.close();
  await srv.close();
});

test("without a refresh the login ends with 4410, and the client is back with a new token at once", async () => {
  const { srv, client, closes, errors, asked } = start(undefined);
  const id = await client.who(null);
  await new Promise<void>((back) => client.onReconnect(back));
  expect(closes[0]).toBe(4410);
  expect(await client.who(null)).not.toBe(id);
  expect(asked()).toBeGreaterThanOrEqual(2);
  expect(errors).toEqual([]);
  client.close();
  await srv.close();
});

test("a refresh that refuses is told, and the login ends when it was to", async () => {
  const { srv, client, closes, errors } = start(() => {
    throw new Error("the store is away");
  });
  await client.who(null);
  await until(() => closes.length > 0, "the login's end", 5_000);
  expect(closes[0]).toBe(4410);
  expect(errors[0]).toMatchObject({ code: "INTERNAL" });
  client.close();
  await srv.close();
});
