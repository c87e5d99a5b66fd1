/** The servers and clients of the matrix, and what each can do. */
import { fileURLToPath } from "node:url";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import type { Need } from "./subject.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A program and its arguments, before those of the host or client. */
type Command = readonly [program: string, ...args: string[]];

export interface Place {
  readonly name: string;
  /** What its pairs can do beside what all can. */
  readonly can: readonly Need[];
}

export interface ServerPlace extends Place {
  /** Starts the host; bundles are made before. */
  readonly command: Command;
}

export interface ClientPlace extends Place {
  /** `http` or `poll`: the HTTP transport, streamed or with long-polling; a WebSocket when left out. */
  readonly transport?: "http" | "poll";
  /** Starts the client program; `undefined` for the browser. */
  readonly command: Command | undefined;
}

/** Where bundles for Node and the browser are made. */
export const bundles = `${root}node_modules/.cache/super-line-runtimes`;

export const nodeVersions = ["20", "22", "24"] as const;

/** A Node of that version, from the npm package that package.json has as optional. */
export function nodePath(version: string): string {
  return `${root}node_modules/node${version}/bin/node`;
}

/** Whether a Node can be had here; its npm packages are for Linux on x64. */
export function hasNode(version: string): boolean {
  return existsSync(nodePath(version));
}

/** Deno as package.json pins it. */
export const denoPath = `${root}node_modules/deno/deno`;

/** Deno with what the tests' programs may do. */
export function denoProgram(command: "run" | "serve"): Command {
  return [
    denoPath,
    command,
    "--allow-net=127.0.0.1",
    "--allow-env",
    "--allow-read",
  ];
}

const onBun = (program: string): Command => [
  process.execPath,
  `${root}tests/runtimes/${program}.ts`,
];
const onDeno = (program: string): Command => [
  ...denoProgram("run"),
  `${root}tests/runtimes/${program}.ts`,
];
const onNode = (version: string, program: string): Command => [
  nodePath(version),
  `${bundles}/${program}.js`,
];

const hosts: readonly ServerPlace[] = [
  { name: "Bun", can: ["http", "gone", "prompt"], command: onBun("host_bun") },
  { name: "Deno", can: ["http", "prompt"], command: onDeno("host_deno") },
  ...nodeVersions.map((version): ServerPlace => ({
    name: `Node ${version}`,
    can: ["gone", "prompt"],
    command: onNode(version, "host_node"),
  })),
  { name: "Cloudflare", can: ["http"], command: onBun("host_cloudflare") },
];

export const servers: readonly ServerPlace[] = [
  ...hosts.flatMap((host) => [
    host,
    {
      name: `${host.name} + Hono`,
      can: [...host.can.filter((it) => it !== "http"), "hono" as const],
      command: [...host.command, "hono"] as const,
    },
  ]),
  {
    name: "Cloudflare, oldest",
    can: ["http"],
    command: [...onBun("host_cloudflare"), "oldest"],
  },
];

export const clients: readonly ClientPlace[] = [
  { name: "Bun", can: ["headers"], command: onBun("client_program") },
  { name: "Deno", can: ["headers"], command: onDeno("client_program") },
  ...nodeVersions.map((version): ClientPlace => ({
    name: version === "20" ? "Node 20 + ws" : `Node ${version}`,
    can: ["headers"],
    command: onNode(version, "client_program"),
  })),
  { name: "Chromium", can: ["cookie"], command: undefined },
  // On Bun: what differs is the server's runtime.
  {
    name: "HTTP",
    can: ["headers"],
    command: onBun("client_program"),
    transport: "http",
  },
  {
    name: "HTTP, long-polling",
    can: ["headers"],
    command: onBun("client_program"),
    transport: "poll",
  },
];

/** Why a place is not in the matrix here; `undefined` when it is. */
export function absence({ name }: Place): string | undefined {
  const version = /^Node (\d+)/.exec(name)?.[1];
  return version && !hasNode(version)
    ? `the npm package of Node ${version} is for Linux on x64`
    : undefined;
}

/** Bundles a program of this folder, for what cannot read TypeScript: Node 20 and the browser. */
export async function bundle(
  program: string,
  target: "node" | "browser",
): Promise<void> {
  const { success, logs, outputs: [output] } = await Bun.build({
    entrypoints: [`${root}tests/runtimes/${program}.ts`],
    target,
    format: "esm",
  });
  if (!success || !output) {
    throw new AggregateError(logs, `Cannot bundle ${program}`);
  }
  // Several test files make the same bundle at once, and a rename is never seen by half.
  mkdirSync(bundles, { recursive: true });
  const temporary = `${bundles}/${program}.${crypto.randomUUID()}.js`;
  writeFileSync(temporary, await output.text());
  renameSync(temporary, `${bundles}/${program}.js`);
}
