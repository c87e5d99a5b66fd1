import { afterEach, expect, spyOn, test } from "bun:test";
import { adapterFromEnv, type Environment } from "../../adapters/from_env.ts";
import { thrown } from "../helpers/wait.ts";
import { KV, REDIS, REST } from "./environments.ts";

const info = spyOn(console, "info").mockImplementation(() => {});
afterEach(() => {
  info.mockClear();
  Reflect.deleteProperty(globalThis, "EdgeRuntime");
});

function said(env: Environment): string {
  adapterFromEnv(env);
  expect(info).toHaveBeenCalledTimes(1);
  const [line] = info.mock.calls[0] ?? [];
  expect(line).not.toContain("secret");
  info.mockClear();
  return String(line);
}

test("the environment names the adapter, and one line says which and why", () => {
  expect(said(REDIS)).toBe("super-line: adapter redis: REDIS_URL is set");
  expect(said(REST))
    .toBe("super-line: adapter upstash: UPSTASH_REDIS_REST_URL is set");
  expect(said(KV)).toBe("super-line: adapter upstash: KV_REST_API_URL is set");
  expect(said({ ...KV, ...REST })).toContain("UPSTASH_REDIS_REST_URL is set");
  expect(said({ ...REDIS, ...REST })).toBe(
    "super-line: adapter redis, with bridge: REDIS_URL and UPSTASH_REDIS_REST_URL are set, this host has TCP, and others may not",
  );
  for (const env of [{}, { REDIS_URL: "", DB: { get() {} } }]) {
    expect(said(env)).toContain("adapter memory: neither REDIS_URL nor");
  }
});

test("it uses the process' own environment", () => {
  Object.assign(process.env, REST);
  try {
    adapterFromEnv();
    expect(String(info.mock.calls[0]?.[0])).toContain("adapter upstash");
  } finally {
    for (const name of Object.keys(REST)) delete process.env[name];
  }
});

test("what is half or wrong is refused, and secrets are not told", () => {
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN } = REST;
  for (
    const [env, message] of [
      [
        { UPSTASH_REDIS_REST_URL },
        "UPSTASH_REDIS_REST_URL is set and UPSTASH_REDIS_REST_TOKEN is not",
      ],
      [
        { UPSTASH_REDIS_REST_TOKEN, ...REDIS },
        "UPSTASH_REDIS_REST_TOKEN is set and UPSTASH_REDIS_REST_URL is not",
      ],
      [
        { KV_REST_API_URL: "x" },
        "KV_REST_API_URL is set and KV_REST_API_TOKEN is not",
      ],
      [{ REDIS_URL: "localhost:secret" }, "must start with redis://"],
      [{ ...REST, UPSTASH_REDIS_REST_URL: "a.upstash.io" }, "https://"],
    ] as const
  ) {
    const error = thrown(() => adapterFromEnv(env));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain("secret");
  }
  expect(info).not.toHaveBeenCalled();
});
