/**
 * The adapter that the environment names.
 *
 * @example A server that is one node, or one of many
 * ```ts
 * import { createSocketServer, defineContract } from "@super-line/edge";
 * import { adapterFromEnv } from "@super-line/edge/adapters/from-env";
 *
 * const api = defineContract({ roles: { user: {} } });
 * const srv = createSocketServer(api, {
 *   adapter: adapterFromEnv({}), // without an argument: the process' own environment
 *   authenticate: () => ({ role: "user" as const }),
 * });
 * await srv.close();
 * ```
 *
 * @module
 */
import type { Adapter } from "../src/seams/adapter.ts";
import { createInMemoryAdapter } from "./memory.ts";
import { createRedisAdapter } from "./redis.ts";
import { createUpstashAdapter } from "./upstash.ts";

/** Variables by name. Values that are no strings, such as a Worker's bindings, are ignored. */
export type Environment = Readonly<Record<string, unknown>>;

/** A choice and its reason. */
interface Choice {
  readonly what: string;
  readonly why: string;
  readonly create: () => Adapter;
}

/**
 * Creates the adapter that the environment selects, and logs which one and why.
 *
 * | set | on a host with TCP | without TCP (Cloudflare, Vercel Edge) |
 * |---|---|---|
 * | `REDIS_URL` | Redis over TCP | refused |
 * | `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, or `KV_REST_API_URL` and `KV_REST_API_TOKEN` | Upstash over REST | Upstash over REST |
 * | both | TCP, with `bridge` | REST, with `bridge` |
 * | nothing | in memory: one node | in memory: one node |
 *
 * The choice is made once: two transports at the same time would duplicate and reorder messages. If both are set they
 * must lead to the same database.
 *
 * @param env The variables; defaults to the environment of the process. On Cloudflare pass the Worker's `env`.
 * @returns The adapter, for one server
 * @throws {TypeError} If a variable is missing or wrong, or the host cannot connect to what it names
 *
 * @example On Cloudflare
 * ```ts ignore
 * const adapter = adapterFromEnv(env);
 * ```
 */
export function adapterFromEnv(env: Environment = processEnv()): Adapter {
  const { what, why, create } = choose(env);
  const adapter = create();
  console.info(`super-line: adapter ${what}: ${why}`);
  return adapter;
}

function choose(env: Environment): Choice {
  const redisUrl = read(env, "REDIS_URL");
  const rest = restOf(env);
  const tcp = hasTcp();
  if (redisUrl !== undefined && tcp) {
    const bridge = rest !== undefined;
    return {
      what: bridge ? "redis, with bridge" : "redis",
      why: bridge
        ? `REDIS_URL and ${rest.name} are set, this host has TCP, and others may not`
        : "REDIS_URL is set",
      create: () => createRedisAdapter({ url: redisUrl, bridge }),
    };
  }
  if (rest) {
    const { url, token, name } = rest;
    const bridge = redisUrl !== undefined;
    return {
      what: bridge ? "upstash, with bridge" : "upstash",
      why: bridge
        ? `REDIS_URL and ${name} are set, and this host has no TCP`
        : `${name} is set`,
      create: () => createUpstashAdapter({ url, token, bridge }),
    };
  }
  if (redisUrl !== undefined) {
    throw new TypeError(
      "Cannot choose an adapter: REDIS_URL is set but this host has no TCP, must be UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN",
    );
  }
  return {
    what: "memory",
    why:
      "neither REDIS_URL nor UPSTASH_REDIS_REST_URL is set, so this node is alone",
    create: () => createInMemoryAdapter(),
  };
}

function restOf(env: Environment) {
  for (
    const [urlName, tokenName] of [
      ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"],
      ["KV_REST_API_URL", "KV_REST_API_TOKEN"],
    ] as const
  ) {
    const url = read(env, urlName);
    const token = read(env, tokenName);
    if (url !== undefined && token !== undefined) {
      return { url, token, name: urlName };
    }
    if (url === undefined && token === undefined) continue;
    const [set, missing] = url === undefined
      ? [tokenName, urlName]
      : [urlName, tokenName];
    throw new TypeError(
      `Cannot choose an adapter: ${set} is set and ${missing} is not, must be both`,
    );
  }
  return undefined;
}

function read(env: Environment, name: string): string | undefined {
  const value = env[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

interface Global {
  readonly process?: { readonly env?: Environment };
  readonly navigator?: { readonly userAgent?: string };
  readonly Bun?: unknown;
  readonly Deno?: unknown;
  readonly EdgeRuntime?: unknown;
}

const host = globalThis as Global; // any of these may be missing

function processEnv(): Environment {
  return host.process?.env ?? {};
}

/** Bun, Deno and Node. Cloudflare with `nodejs_compat` looks like Node, and the package `redis` does not run there. */
function hasTcp(): boolean {
  if (host.Bun !== undefined || host.Deno !== undefined) return true;
  return host.process?.env !== undefined && host.EdgeRuntime === undefined &&
    host.navigator?.userAgent !== "Cloudflare-Workers";
}
