// The examples in doc comments that `deno test --doc` cannot run alone: they need a server, a browser or an app.
import { beforeAll, describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, type Finding } from "../types/compile.ts";

const root = new URL("../..", import.meta.url).pathname;

/** What the examples have at hand: an app, and the library's own names. */
const app = `
import { Hono } from "hono";
import { z } from "zod";
import { createSocketServer, defineContract, type Node } from "@super-line/edge";

export const api = defineContract({
  shared: {
    clientToServer: {
      add: { input: z.object({ by: z.number() }), output: z.number() },
      join: { input: z.object({ room: z.string() }), output: z.null() },
      say: {
        input: z.object({ room: z.string(), text: z.string() }),
        output: z.object({ id: z.string() }),
      },
    },
    serverToClient: {
      count: { payload: z.number(), subscribe: true },
      message: { payload: z.object({ from: z.string(), text: z.string() }) },
    },
  },
  roles: { user: {} },
});
export const authenticate = () => ({ role: "user" as const });
export const handlers = {
  shared: {
    add: ({ by }: { by: number }) => by,
    join: () => null,
    say: () => ({ id: "1" }),
  },
};
export const srv = createSocketServer(api, { authenticate });
export const app = (node: { implement(all: typeof handlers): unknown }) => void node.implement(handlers);
export const hono = new Hono();
export interface Env {
  readonly BROKER: DurableObjectAdapterOptions["broker"];
}
`;

const given: Record<string, string> = {
  "app.ts": app,
  "api.ts": `export { api } from "./app.ts";`,
  "user_surface.json": JSON.stringify({
    role: "user",
    requests: ["add", "join", "say"],
    signals: [],
    events: ["message"],
    topics: ["count"],
    questions: [],
  }),
  "my_subject.ts": `
import { createInMemoryAdapter } from "@super-line/edge/adapters/memory";
import type { AdapterSubject } from "@super-line/edge/testing";
export const subject: AdapterSubject = { patienceMs: 1_000, create: () => createInMemoryAdapter() };
`,
};

/** Where a name comes from that an example uses and does not import. */
const sources: Record<string, string> = {
  api: `import { api } from "./app.ts";`,
  authenticate: `import { authenticate } from "./app.ts";`,
  srv: `import { srv } from "./app.ts";`,
  app: `import { hono as app } from "./app.ts";`,
  httpServer: `const httpServer = (await import("node:http")).createServer();`,
  surface: `import { clientSurface } from "@super-line/edge";
import { api as whole } from "./app.ts";
const surface = clientSurface(whole, "user");`,
  Env: `import type { Env } from "./app.ts";`,
  env: `declare const env: import("./app.ts").Env & Record<string, string>;`,
  state: `declare const state: { readonly id: { toString(): string } };`,
  metrics: `import { metrics } from "@super-line/edge/metrics";`,
  createClient: `import { createClient } from "@super-line/edge/client";`,
  createSocketReact:
    `import { createSocketReact } from "@super-line/edge/react";`,
  createSocketServer:
    `import { createSocketServer } from "@super-line/edge/node";`,
  createDurableObjectAdapter:
    `import { createDurableObjectAdapter } from "@super-line/edge/adapters/durable-object";`,
  adapterFromEnv:
    `import { adapterFromEnv } from "@super-line/edge/adapters/from-env";`,
};

/** The blocks of a source file's comments that say `ignore`, each with what it needs. */
function examplesOf(
  path: string,
): { name: string; file: string; code: string }[] {
  const text = readFileSync(join(root, path), "utf8");
  const blocks = text.matchAll(/^ *\* ```(tsx?) ignore\n([^]*?)^ *\* ```$/gm);
  return [...blocks].map(({ index, 1: ending = "ts", 2: block = "" }) => {
    const line = text.slice(0, index).split("\n").length;
    const code = block.replace(/^ *\* ?/gm, "");
    const needed = Object.entries(sources)
      .filter(([name]) => new RegExp(`(?<![\\w."])${name}\\b(?!:)`).test(code))
      .filter(([name]) =>
        !new RegExp(`(?:import [^;]*|const )\\b${name}\\b`).test(code)
      );
    return {
      name: `${path}:${line}`,
      file: `${path.replace(/\W+/g, "_")}_${line}.${ending}`,
      code: [...needed.map(([, source]) => source), code, "export {};"].join(
        "\n",
      ),
    };
  });
}

const examples = [...new Glob("{src,adapters}/**/*.ts").scanSync(root)].sort()
  .flatMap(examplesOf);
let found: Map<string, Finding[]>;

beforeAll(() => {
  const files = examples.map(({ file, code }) => [file, code] as const);
  found = compile(new Map([...Object.entries(given), ...files]), []);
}, 120_000);

test("there are examples", () => expect(examples.length).toBeGreaterThan(15));

describe("compiles:", () => {
  test.each(examples)("$name", ({ file }) => {
    expect(found.get(file)).toEqual([]);
  });
});
