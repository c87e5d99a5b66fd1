/** Workers in workerd, as Cloudflare runs them. */
import { fileURLToPath } from "node:url";
import { Miniflare, type MiniflareOptions } from "miniflare";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The lowest compatibility date that is supported, and the newest that this workerd knows. */
export const dates = { oldest: "2024-01-01", newest: "2026-07-30" } as const;

/** Bundles a Worker's program, as wrangler does; for `node` where a package of it wants Node's modules. */
export async function bundleWorker(
  program: string,
  target: "browser" | "node" = "browser",
): Promise<string> {
  const { success, outputs: [output], logs } = await Bun.build({
    entrypoints: [`${root}${program}`],
    target,
    format: "esm",
    conditions: ["workerd", "worker"],
    external: ["node:*", "cloudflare:*"],
  });
  if (!success || !output) {
    throw new AggregateError(logs, `Cannot bundle ${program}`);
  }
  // Bun makes a `require` of it, and workerd has no value for it.
  return (await output.text())
    .replaceAll("import.meta.url", '"file:///worker.js"');
}

/** One Worker that runs; disposing ends it. */
export interface Workerd extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly origin: string;
  readonly miniflare: Miniflare;
  /** Takes an object out of memory. */
  evict(className: string, name: string): Promise<void>;
}

/** Runs a Worker's script; `classes` are its Durable Objects by their binding. */
export async function startWorker(
  script: string,
  classes: Record<string, string>,
  {
    date = dates.newest,
    ...options
  }: { date?: string } & Partial<MiniflareOptions> = {},
): Promise<Workerd> {
  const miniflare = new Miniflare({
    name: "worker",
    modules: [{ type: "ESModule", path: "worker.js", contents: script }],
    host: "127.0.0.1",
    port: 0,
    compatibilityDate: date,
    durableObjects: Object.fromEntries(
      Object.entries(classes).map(([binding, className]) => [
        binding,
        { className, useSQLite: true },
      ]),
    ),
    ...options,
  } as MiniflareOptions); // it is a union of two kinds
  const { origin } = await miniflare.ready;
  return {
    origin,
    miniflare,
    evict: (className, name) =>
      miniflare.unsafeEvictDurableObject("worker", className, {
        name,
        webSockets: "hibernate",
      }),
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}
