import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import {
  clientSurface,
  createSocketServer,
  defineContract,
} from "../../mod.ts";
import { createClient } from "../../src/client/client.ts";
import { loopback } from "../../src/testing/mod.ts";
import { thrown, until } from "../helpers/wait.ts";

const api = defineContract({
  shared: {
    clientToServer: {
      echo: { input: z.string(), output: z.string() },
      poke: { input: z.string() },
    },
    serverToClient: {
      poked: { payload: z.string() },
      news: { payload: z.number(), subscribe: true },
      order: {
        payload: z.number(),
        subscribe: true,
        params: z.object({ id: z.string() }),
      },
      sure: { input: z.string(), output: z.boolean() },
    },
  },
  roles: {
    user: { clientToServer: { mine: { input: z.null(), output: z.null() } } },
    agent: { clientToServer: { secret: { input: z.null() } } },
  },
});
type Api = (typeof api)["definition"];
// As a build writes it to a file and an app reads it.
const surface = JSON.parse(JSON.stringify(clientSurface(api, "user")));

const srv = createSocketServer(api, { authenticate: () => ({ role: "user" }) });
srv.implement({
  shared: {
    echo: (text) => text,
    poke: (text, _ctx, conn) => conn.emit("poked", text),
  },
  user: { mine: () => null },
  agent: { secret: () => {} },
});
const options = { url: "ws://app.test", WebSocket: loopback(srv) };

test("a client of names calls, signals, hears and subscribes", async () => {
  const client = createClient<Api, "user">(surface, {
    ...options,
    role: "user",
  });
  const got: unknown[] = [];
  client.on("poked", (text: string) => void got.push(text));
  await client.subscribe("news", (n: number) => void got.push(n)).ready;
  await client.subscribe(
    "order",
    { id: "1" },
    (n: number) => void got.push(n),
  ).ready;
  expect(await client.echo("a")).toBe("a");
  expect(await client.mine(null)).toBe(null);
  client.implement({ sure: (about) => about === "this" });
  const [conn] = srv.local.connections;
  expect(await srv.toConn(conn?.id ?? "").request("sure", "this")).toBe(true);
  client.poke("b");
  srv.publish("news", 1);
  srv.publish("order", { id: "1" }, 2);
  srv.publish("order", { id: "2" }, 3);
  await until(() => got.length === 3);
  expect(got.sort()).toEqual([1, 2, "b"]);
  // @ts-expect-error: another role's
  expect(client.secret).toBe(undefined);
  client.close();
});

test("a surface has one role's names and nothing else", () => {
  expect(surface).toEqual({
    role: "user",
    calls: [["echo", { output: true }], ["poke", {}], ["mine", {
      output: true,
    }]],
    events: [["poked", {}]],
    topics: [["news", {}], ["order", { params: true }]],
    questions: [["sure", {}]],
  });
  expect(thrown(() => clientSurface(api, "nobody" as "user"))).toBeInstanceOf(
    TypeError,
  );
  expect(
    String(
      thrown(() =>
        createClient<Api, "agent">(surface, { ...options, role: "agent" })
      ),
    ),
  ).toBe(
    'TypeError: Cannot create a client of role "agent": no such role, must be one of "user"',
  );
});

test("a surface has nothing to validate by, and says so", () => {
  expect(String(thrown(() =>
    createClient<Api, "user">(surface, {
      ...options,
      role: "user",
      validate: "inbound",
    })
  ))).toBe(
    "TypeError: Cannot validate by a surface: it has no schemas, must be a contract",
  );
});

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What of this repository and of its dependencies is in a client's bundle. */
async function bundled(
  entry: string,
): Promise<{ sources: string[]; bytes: number }> {
  const { outputs, success } = await Bun.build({
    entrypoints: [root + entry],
    target: "browser",
    minify: true,
    sourcemap: "external",
  });
  expect(success).toBe(true);
  const [code, map] = await Promise.all(outputs.map((it) => it.text()));
  const { sources } = JSON.parse(map ?? "{}");
  return { sources, bytes: gzipSync(code ?? "", { level: 9 }).length };
}

test("a client's bundle has nothing of the server in it, nor a package", async () => {
  for (const entry of ["src/client/client.ts"]) {
    const { sources, bytes } = await bundled(entry);
    expect(sources.length).toBeGreaterThan(8);
    const foreign = sources.filter((it) =>
      !/\/(client|wire|shared)\/\w+\.ts$|\/contract\/(schema|names|params)\.ts$/
        .test(
          it,
        )
    );
    expect(foreign).toEqual([]);
    expect(bytes).toBeLessThan(8_400);
  }
});
