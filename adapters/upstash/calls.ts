/**
 * The requests that the adapter makes, with a time limit, and the validation of their replies.
 *
 * @module
 */
import { FIRST_ID, isId, STREAM_TTL_S } from "../shared/streams.ts";
import type {
  MakeClient,
  UpstashClientLike,
  UpstashPipelineLike,
} from "./types.ts";
import { UpstashFailure } from "./failure.ts";

/** Entries of one stream, as received. */
export interface Page {
  readonly key: string;
  readonly entries: readonly (readonly [id: string, fields: unknown])[];
}

/** A command of a pipeline. */
export type Write =
  | {
    readonly do: "add";
    readonly key: string;
    readonly fields: Record<string, string>;
  }
  | { readonly do: "publish"; readonly channel: string; readonly text: string }
  | { readonly do: "renew"; readonly key: string }
  | { readonly do: "trim"; readonly key: string; readonly length: number };

/** The outcome of a command: an entry's id, or an error. */
export type Written = string | undefined | UpstashFailure;

/** EVAL runs on the leader, whose last id is the highest; a read may be served by a replica that lags behind. */
const LAST_IDS = `local ids = {}
for at, key in ipairs(KEYS) do
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
  ids[at] = last[1] and last[1][1] or '${FIRST_ID}'
end
return ids`;
const NEXT_ID =
  `local next = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', 1)
return next[1] and next[1][1] or ''`;

/** Makes requests through a client. Every failure is an {@linkcode UpstashFailure}. */
export class Calls {
  readonly #client: MakeClient;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly #streamLength: number;
  readonly #pending = new Set<() => void>();
  #scripts = true;

  constructor(
    client: MakeClient,
    timeoutMs: number,
    streamLength: number,
  ) {
    this.#client = client;
    this.timeoutMs = timeoutMs;
    this.#streamLength = streamLength;
  }

  /** Whether ids come from the leader. */
  get exact(): boolean {
    return this.#scripts;
  }

  /** Reads the entries after given ids, a page of each stream. Streams without news are left out. */
  async read(
    cursors: ReadonlyMap<string, string>,
    count: number,
  ): Promise<Page[]> {
    const [keys, ids] = [[...cursors.keys()], [...cursors.values()]];
    const reply = await this.#call((it) => it.xread(keys, ids, { count }));
    if (reply === null) return [];
    if (!Array.isArray(reply)) throw shapeless("XREAD");
    return reply.map((stream): Page => {
      const [key, entries] = Array.isArray(stream) ? stream : [];
      const good = cursors.has(key) && Array.isArray(entries) &&
        entries.every((it) => Array.isArray(it) && isId(it[0]));
      if (!good) throw shapeless("XREAD");
      return { key, entries };
    });
  }

  /** Returns the id of the last entry of each stream. */
  async lastIds(keys: readonly string[]): Promise<string[]> {
    if (this.#scripts) {
      try {
        const ids = await this.#call((it) => it.eval(LAST_IDS, [...keys], []));
        if (Array.isArray(ids) && ids.length === keys.length) {
          if (ids.every(isId)) return ids;
        }
        throw shapeless("EVAL");
      } catch (error) {
        if (!UpstashFailure.of(error).forbidden) throw error;
        this.#scripts = false; // a read-only token cannot run scripts; if it cannot read either, the read fails itself
      }
    }
    const results = await this.#pipeline((it) => {
      for (const key of keys) it.xrevrange(key, "+", "-", 1);
    }, keys.length);
    return results.map(({ result, error }) => {
      if (error !== undefined) throw UpstashFailure.ofText(error);
      return firstId(result);
    });
  }

  /** Returns the id of the first entry at or after an id, `undefined` if there is none. */
  async nextId(key: string, id: string): Promise<string | undefined> {
    const next = await this.#call((it) => it.eval(NEXT_ID, [key], [id]));
    if (next === "" || next === null) return undefined;
    if (!isId(next)) throw shapeless("EVAL");
    return next;
  }

  /** Runs a script on the leader, so that it reads what was written. */
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown> {
    return this.#call((it) => it.eval(script, keys, args));
  }

  /** Runs commands in order, in one request. Rejects when it is unknown which of them ran. */
  async write(commands: readonly Write[]): Promise<Written[]> {
    const trim = {
      type: "MAXLEN",
      comparison: "~",
      threshold: this.#streamLength,
    } as const;
    const results = await this.#pipeline((it) => {
      for (const command of commands) {
        switch (command.do) {
          case "add":
            it.xadd(command.key, "*", command.fields, { trim });
            break;
          case "publish":
            it.publish(command.channel, command.text);
            break;
          case "renew":
            it.expire(command.key, STREAM_TTL_S);
            break;
          case "trim":
            it.xtrim(command.key, {
              strategy: "MAXLEN",
              exactness: "=",
              threshold: command.length,
            });
        }
      }
    }, commands.length);
    return results.map(({ result, error }, at) => {
      if (error !== undefined) return UpstashFailure.ofText(error);
      if (commands[at]?.do !== "add") return undefined;
      if (!isId(result)) throw shapeless("XADD");
      return result;
    });
  }

  async #pipeline(
    fill: (pipeline: UpstashPipelineLike) => void,
    count: number,
  ): Promise<{ result?: unknown; error?: string }[]> {
    const results = await this.#call((client) => {
      const pipeline = client.pipeline();
      fill(pipeline);
      return pipeline.exec({ keepErrors: true });
    });
    if (!Array.isArray(results) || results.length !== count) {
      throw shapeless("the pipeline");
    }
    return results.map((it) => {
      if (typeof it !== "object" || it === null) throw shapeless("a command");
      const { result, error } = it as { result?: unknown; error?: unknown }; // the members are checked below
      return error ? { error: String(error) } : { result };
    });
  }

  /** Aborts all requests in flight. */
  close(): void {
    for (const abort of this.#pending) abort();
  }

  /**
   * A client of the application's may have no time limit and cannot be aborted: its late replies are ignored.
   * `AbortSignal.timeout` is not used: in workerd its timer outlives the request and keeps an object in memory.
   */
  async #call(
    call: (client: UpstashClientLike) => Promise<unknown>,
  ): Promise<unknown> {
    const request = new AbortController();
    let giveUp: (why?: string) => void = () => {};
    const over = new Promise<never>((_, reject) => {
      giveUp = (why = "The adapter is closed") => {
        reject(new UpstashFailure(why, "away"));
        request.abort();
      };
    });
    const late = `Upstash did not answer within ${this.timeoutMs} ms`;
    const timer = setTimeout(() => giveUp(late), this.timeoutMs);
    this.#pending.add(giveUp);
    try {
      return await Promise.race([
        this.#client(request.signal).then(call),
        over,
      ]);
    } catch (error) {
      throw UpstashFailure.of(error);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(giveUp);
    }
  }
}

/**
 * Reads the first id of an XREVRANGE reply: `{ id: fields }`, or `[[id, fields]]` if the client does not deserialise.
 */
function firstId(range: unknown): string {
  if (range === null) return FIRST_ID;
  const ids = Array.isArray(range)
    ? range.map((it) => Array.isArray(it) ? it[0] : undefined)
    : Object.keys(Object(range));
  if (ids.length === 0) return FIRST_ID;
  if (!isId(ids[0])) throw shapeless("XREVRANGE");
  return ids[0];
}

/** Creates the error for a reply of an unexpected shape. */
export function shapeless(what: string): UpstashFailure {
  return new UpstashFailure(
    `The reply to ${what} has an unexpected shape`,
    "away",
  );
}
