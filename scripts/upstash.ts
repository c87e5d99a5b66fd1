// `bun run upstash`: a local Upstash, to develop on.
import process from "node:process";
import { parseArgs } from "node:util";
import { createUpstashServer } from "../src/testing/upstash/mod.ts";
import { RedisServer } from "../tests/redis/redis_server.ts";

const HELP =
  `Serves the REST API of Upstash Redis on this machine, in front of a redis-server.

Usage: bun run upstash [options]

  --redis URL             the Redis to serve, such as redis://localhost:6379;
                          left out: a redis-server is started that keeps nothing
  --replica URL           a replica of it, from which reads are served
  --port NUMBER           where to listen (8079)
  --host ADDRESS          on which address (127.0.0.1)
  --token TEXT            the token (local)
  --read-only-token TEXT  the token that may only read (local-read-only)
  --delay MS              how much longer each request takes (0)
  --faults PERCENT        how many requests fail, in all ways there are (0)
  --help                  this text

It prints what to put into the environment. While it runs, Ctrl-C ends it.
`;

/** Ends with a message instead of a stack. */
class UsageError extends Error {}

function read() {
  try {
    return parseArgs({
      options: {
        "redis": { type: "string" },
        "replica": { type: "string" },
        "port": { type: "string", default: "8079" },
        "host": { type: "string", default: "127.0.0.1" },
        "token": { type: "string", default: "local" },
        "read-only-token": { type: "string", default: "local-read-only" },
        "delay": { type: "string", default: "0" },
        "faults": { type: "string", default: "0" },
        "help": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message); // parseArgs throws TypeErrors
  }
}

function number(name: string, text: string, max: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= max) return value;
  throw new UsageError(
    `--${name} is ${JSON.stringify(text)}, must be a number from 0 to ${max}`,
  );
}

async function main(): Promise<void> {
  const values = read();
  if (values.help) return console.log(HELP);
  const port = number("port", values.port, 65_535);
  const delayMs = number("delay", values.delay, 60_000);
  const rate = number("faults", values.faults, 100) / 100;
  const own = values.redis === undefined
    ? await RedisServer.start()
    : undefined;
  let server;
  try {
    server = await createUpstashServer({
      redis: values.redis ?? own?.url ?? "",
      ...(values.replica !== undefined && { replica: values.replica }),
      port,
      hostname: values.host,
      token: values.token,
      readOnlyToken: values["read-only-token"],
    });
  } catch (error) {
    await own?.end();
    const taken = (error as { code?: unknown }).code === "EADDRINUSE"; // as listening fails
    if (!taken) throw error;
    throw new UsageError(`Port ${port} is taken, --port picks another`);
  }
  server.trouble({ rate, delayMs });
  console.log(`UPSTASH_REDIS_REST_URL=${server.url}
UPSTASH_REDIS_REST_TOKEN=${server.token}
# may only read: ${server.readOnlyToken}
# Redis: ${
    values.redis === undefined ? `${own?.url}, started for this` : "yours"
  }`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve).once("SIGTERM", resolve);
  });
  const { requests, commands } = server.counters;
  console.log(`# ${requests} requests, ${commands} commands`);
  await server.close();
  await own?.end();
}

try {
  await main();
} catch (error) {
  const { message } = error as Error; // what is thrown here are errors
  console.error(`bun run upstash: ${message}`);
  if (error instanceof UsageError) console.error("--help shows the options");
  process.exitCode = 1;
}
