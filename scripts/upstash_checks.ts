// The eight points that only a real database can settle, each as a question to it.

/** Where the database is. */
export interface Target {
  readonly url: string;
  readonly token: string;
  readonly readOnlyToken: string | undefined;
  /** How long an event stream is watched. */
  readonly waitMs: number;
}

/** What came of one question. */
export interface Check {
  /** Which of the open points. */
  readonly point: number;
  readonly name: string;
  readonly found: string;
  /** As the page says, otherwise, or not to be found out this way. */
  readonly verdict: "expected" | "surprise" | "open";
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly result: unknown;
  readonly error: string | undefined;
}

/** Asks all of it, one after the other. */
export async function* verify(target: Target): AsyncGenerator<Check> {
  const prefix = `super-line-verify:${crypto.randomUUID()}`;
  const keys = Array.from({ length: 8 }, (_, at) => `${prefix}:${at}`);
  const ask = (command: unknown[], more: RequestInit = {}, path = "/") =>
    request(target, path, command, more);
  const started = await ask(["PING"]);
  if (started.result !== "PONG") {
    yield check(0, "the database answers", started.text, false);
    return;
  }
  try {
    yield* billing(ask, keys);
    yield* leader(ask, keys);
    yield* errors(target, ask);
    yield* sizes(ask, prefix);
    yield* streams(target, ask, prefix);
    yield* wording(ask, prefix);
    yield* ids(ask, keys);
    yield* latency(ask, keys);
  } finally {
    await ask(["DEL", ...keys, `${prefix}:a`, `${prefix}:large`]);
  }
}

type Ask = (
  command: unknown[],
  more?: RequestInit,
  path?: string,
) => Promise<Answer>;

/** 1: what one XREAD of eight streams counts as, where the database says what it counts. */
async function* billing(ask: Ask, keys: string[]): AsyncGenerator<Check> {
  const count = async () => {
    const { result } = await ask(["INFO", "stats"]);
    const total = /total_commands_processed:(\d+)/.exec(String(result))?.[1];
    return total === undefined ? undefined : Number(total);
  };
  for (const key of keys) await ask(["XADD", key, "*", "d", "sx"]);
  const read = ["XREAD", "COUNT", "1", "STREAMS", ...keys];
  const before = await count();
  const answer = await ask([...read, ...keys.map(() => "0-0")]);
  const after = await count();
  const streams = Array.isArray(answer.result) ? answer.result.length : 0;
  yield check(1, "XREAD reads 8 streams", `${streams} of 8`, streams === 8);
  yield {
    point: 1,
    name: "XREAD of 8 streams is billed as 1",
    found: before === undefined || after === undefined
      ? "the database does not count; compare the console's count before and after"
      : `its own count grew by ${
        after - before
      }, of which one is the question for it`,
    verdict: "open",
  };
}

/** 2: whether EVAL sees what was just written, every time. */
async function* leader(ask: Ask, keys: string[]): AsyncGenerator<Check> {
  const script =
    "return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]";
  let behind = 0;
  let reads = 0;
  for (let round = 0; round < 10; round++) {
    const { result } = await ask(["XADD", keys[0], "*", "d", "sx"]);
    const last = await ask(["EVAL", script, "1", keys[0]]);
    if (last.result !== result) behind++;
    const range = await ask(["XREVRANGE", keys[0], "+", "-", "COUNT", "1"]);
    if (!range.text.includes(String(result))) reads++;
  }
  yield check(
    2,
    "EVAL is served by the leader",
    `${behind} of 10 were behind a write (XREVRANGE: ${reads})`,
    behind === 0,
  );
}

/** 3: what errors look like; a quota cannot be tried without spending it. */
async function* errors(target: Target, ask: Ask): AsyncGenerator<Check> {
  const headers = { authorization: "Bearer wrong" };
  const wrong = await ask(["PING"], { headers });
  yield check(
    3,
    "a wrong token",
    `${wrong.status} ${wrong.error}`,
    wrong.status === 401 && /WRONGPASS|Unauthorized/i.test(wrong.error ?? ""),
  );
  const failed = await ask(["LPUSH"]);
  yield check(
    3,
    "a command that fails",
    `${failed.status} ${failed.error}`,
    failed.status === 400 && failed.error !== undefined,
  );
  yield {
    point: 3,
    name: "a quota's error",
    found: "not tried: it would have to be spent",
    verdict: "open",
  };
  if (target.readOnlyToken === undefined) return;
  const readOnly = {
    headers: { authorization: `Bearer ${target.readOnlyToken}` },
  };
  const may = await ask(["EVAL", "return 1", "0"], readOnly);
  yield check(
    3,
    "EVAL with the read-only token",
    may.error ?? "it may",
    /NOPERM/.test(may.error ?? ""),
  );
}

/** 4: how large a reply may be, and whether it counts as it is or as base64, which is a third more. */
async function* sizes(ask: Ask, prefix: string): AsyncGenerator<Check> {
  const key = `${prefix}:large`;
  const megabyte = "x".repeat(1_000_000);
  const found: string[] = [];
  for (const push of [1, 3, 4, 4]) {
    const stored = await ask(["RPUSH", key, ...Array(push).fill(megabyte)]);
    if (stored.error) {
      found.push(`${push} MB cannot be stored: ${stored.error}`);
      break;
    }
    const all = ["LRANGE", key, "0", "-1"];
    const plain = await ask(all);
    const base64 = await ask(all, {
      headers: { "upstash-encoding": "base64" },
    });
    const [p, b] = [plain, base64].map(({ error }) => error ?? "it comes");
    found.push(`${stored.result} MB: ${p}; as base64: ${b}`);
    if (plain.error) break;
  }
  yield {
    point: 4,
    name: "the limit on replies",
    found: found.join(" | "),
    verdict: found.at(-1)?.includes("max request size exceeded")
      ? "expected"
      : "surprise",
  };
}

/** 5: how event streams behave. */
async function* streams(
  { url, token, readOnlyToken, waitMs }: Target,
  ask: Ask,
  prefix: string,
): AsyncGenerator<Check> {
  const listen = async (path: string, bearer: string) => {
    const ending = new AbortController();
    const response = await fetch(`${url}/subscribe/${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${bearer}`,
        accept: "text/event-stream",
      },
      signal: ending.signal,
    });
    const heard = { text: "", at: [] as number[], ended: false };
    const decoder = new TextDecoder();
    (async () => {
      for await (const chunk of response.body ?? []) {
        heard.text += decoder.decode(chunk);
        heard.at.push(Date.now());
      }
    })().catch(() => {}).finally(() => heard.ended = true);
    return { heard, status: response.status, end: () => ending.abort() };
  };
  const wake = `${prefix}@wake`;
  const { heard, status, end } = await listen(wake, token);
  yield check(5, "an event stream", `${status}`, status === 200);
  const has = async (text: string) => {
    for (let looks = 0; looks < 100 && !heard.text.includes(text); looks++) {
      await pause(50);
    }
    return heard.text.includes(text);
  };
  await has("subscribe,");
  await ask(["PUBLISH", wake, "a 0.1 1.2"]);
  yield check(
    5,
    "a channel with an @, and a message with spaces",
    JSON.stringify(heard.text.slice(-120)),
    await has(`data: message,${wake},a 0.1 1.2`),
  );
  await ask(["PUBLISH", wake, "one\ntwo"]);
  await has("two");
  yield {
    point: 5,
    name: "a line feed in a message",
    found: JSON.stringify(heard.text.slice(-60)),
    verdict: "open",
  };
  const before = heard.at.length;
  await pause(waitMs);
  yield {
    point: 5,
    name: `a silent stream, for ${waitMs / 1_000} s`,
    found: heard.ended
      ? "it ended"
      : `it lives, with ${heard.at.length - before} heartbeats`,
    verdict: heard.ended ? "surprise" : "expected",
  };
  end();
  if (readOnlyToken === undefined) return;
  const other = await listen(wake, readOnlyToken);
  other.end();
  yield {
    point: 5,
    name: "a stream with the read-only token",
    found: `${other.status}`,
    verdict: "open",
  };
}

/** 6: words, and odd arguments. */
async function* wording(ask: Ask, prefix: string): AsyncGenerator<Check> {
  const blocked = await ask(["BLPOP", `${prefix}:a`, "1"]);
  yield check(
    6,
    "a command that blocks",
    `${blocked.status} ${blocked.error}`,
    /not allowed in REST/i.test(blocked.error ?? ""),
  );
  for (const value of [null, true, 1700000000000, 1.5]) {
    const set = await ask(["SET", `${prefix}:a`, value]);
    const { result } = await ask(["GET", `${prefix}:a`]);
    yield {
      point: 6,
      name: `the argument ${value}`,
      found: set.error ?? `stored as ${JSON.stringify(result)}`,
      verdict: value === null || set.error || result === String(value)
        ? "expected"
        : "surprise",
    };
  }
}

/** 7: ids grow, as far as one can see without a fail-over. */
async function* ids(ask: Ask, keys: string[]): AsyncGenerator<Check> {
  const all: string[] = [];
  for (let at = 0; at < 10; at++) {
    const { result } = await ask(["XADD", keys[1], "*", "d", "sx"]);
    all.push(String(result));
  }
  const [ms, seq] = ["ms", "seq"].map((_, part) =>
    all.map((id) => Number(id.split("-")[part]))
  ) as [number[], number[]];
  const grow = all.every((_, at) =>
    at === 0 || ms[at]! > ms[at - 1]! ||
    ms[at] === ms[at - 1] && seq[at]! > seq[at - 1]!
  );
  yield check(7, "ids grow", `${all[0]} … ${all.at(-1)}`, grow);
  yield {
    point: 7,
    name: "ids grow across a change of leaders",
    found: "not to be brought about from here; onGap would tell",
    verdict: "open",
  };
}

/** 8: how long a write and a read take. */
async function* latency(ask: Ask, keys: string[]): AsyncGenerator<Check> {
  const time = async (command: unknown[]) => {
    const all: number[] = [];
    for (let at = 0; at < 10; at++) {
      const started = performance.now();
      await ask(command);
      all.push(performance.now() - started);
    }
    all.sort((a, b) => a - b);
    return `p50 ${all[5]?.toFixed(0)} ms, most ${all[9]?.toFixed(0)} ms`;
  };
  const read = ["XREAD", "STREAMS", ...keys, ...keys.map(() => "$")];
  yield {
    point: 8,
    name: "latency from here",
    found: `XADD ${await time([
      "XADD",
      keys[2],
      "*",
      "d",
      "sx",
    ])}; XREAD ${await time(
      read,
    )}`,
    verdict: "open",
  };
}

async function request(
  { url, token }: Target,
  path: string,
  body: unknown,
  { headers, ...more }: RequestInit,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...headers as object }, // plain objects, in this file
    body: JSON.stringify(body),
    ...more,
  });
  const text = await response.text();
  try {
    const { result, error } = JSON.parse(text);
    return { status: response.status, text, result, error };
  } catch {
    const error = `no JSON: ${text.slice(0, 100)}`;
    return { status: response.status, text, result: undefined, error };
  }
}

function check(
  point: number,
  name: string,
  found: string,
  expected: boolean,
): Check {
  return { point, name, found, verdict: expected ? "expected" : "surprise" };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
