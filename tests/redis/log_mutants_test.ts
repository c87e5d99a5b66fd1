import { afterAll, afterEach, expect, test } from "bun:test";
import { createClient } from "redis";
import { createRedisAdapter } from "../../adapters/redis.ts";
import { type AdapterCase, adapterSuite } from "../../src/testing/mod.ts";
import { createRedisSubject } from "./redis_subject.ts";
import { RedisServer } from "./redis_server.ts";
import { TcpProxy } from "./tcp_proxy.ts";

const server = await RedisServer.start();
const proxy = await TcpProxy.start(server.port);
const clients: { destroy(): void }[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await proxy.end();
  await server.end();
});

/** Faults of the scripts, and the case that finds each. */
const mutants = [
  {
    name: "ignores the run of the server",
    found: "a broker that was restarted with an older state",
    change: (script: string) =>
      script.replace("last[2][1] == run", "true")
        .replace("last[2][1] ~= run", "false"),
  },
  {
    name: "repeats an attempt without looking for it",
    found: "messages whose replies are lost",
    change: (script: string) => script.replace("if tag ~= '-'", "if false"),
  },
  {
    name: "keeps one message less than it is told",
    found: "a position whose followers were trimmed",
    change: (script: string) =>
      script.replaceAll("'~', ARGV[4]", "'=', ARGV[4] - 1"),
  },
  {
    name: "does not continue an epoch",
    found: "what several nodes append at the same time",
    change: (script: string) =>
      script.replace("if current and anew ~= 'new'", "if false"),
  },
  {
    name: "does not look for an id",
    found: "an id is stored once while its message is kept",
    change: (script: string) =>
      script.replace("idKey, idMs = KEYS[before + 1], forMs", ""),
  },
];

for (const { name, found, change } of mutants) {
  const [first, ...more] = adapterSuite.filter((it) =>
    it.name.startsWith(found)
  );

  test(`a script that ${name} fails: ${first?.name}`, async () => {
    expect([first?.promise[0], more.length]).toEqual(["L", 0]);
    await run(first, (script) => script); // the case passes with the scripts as they are
    let changed = 0;
    const outcome = await run(first, (script) => {
      const mutant = change(script);
      if (mutant !== script) changed++;
      return mutant;
    }).then(() => "passed", () => "failed");
    expect(changed).toBeGreaterThan(0);
    expect(outcome).toBe("failed");
  }, 60_000);
}

/** Runs a case while all scripts are changed. */
async function run(
  test: AdapterCase | undefined,
  alter: (script: string) => string,
): Promise<void> {
  const subject = createRedisSubject(server, async (url, namespace) => {
    const client = createClient({ url }).on("error", () => {});
    clients.push(client);
    await client.connect();
    const { eval: evaluate, scriptLoad } = client;
    Object.assign(client, {
      eval: (script: string, options: { keys: string[] }) =>
        evaluate.call(client, alter(script), options),
      scriptLoad: (script: string) => scriptLoad.call(client, alter(script)),
    });
    return createRedisAdapter({ client, namespace, timeoutMs: 1_000 });
  }, proxy);
  await test?.run({ ...subject, patienceMs: 4_000 });
}
