/**
 * Runs commands on the primary or on a replica, and counts what would be billed.
 *
 * @module
 */
import {
  type CommandRules,
  isScript,
  nameOf,
  withoutForeignFlags,
} from "./command_rules.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { type Command, type Reply, textOf } from "./resp.ts";

/** How long a read with a sync token waits for the replica. */
const CATCH_UP_MS = 2_000;
const STATS: Command = ["INFO", "commandstats"];

/** What was asked of a server since it started. */
export interface UpstashCounters {
  /** HTTP requests, those that a fault hit included. */
  readonly requests: number;
  /** Billed commands: each of a pipeline is one, a script one and each that it called; writes are not multiplied. */
  readonly commands: number;
  /** Billed commands by their name in lower case. */
  readonly byCommand: Readonly<Record<string, number>>;
}

/** What a request asks for beside its commands. */
export interface RunOptions {
  /** As one transaction. */
  readonly atomic: boolean;
  /** Whether the token may only read. */
  readonly readOnly: boolean;
  /** What an earlier answer said: a replica must be as far. */
  readonly syncToken: string | undefined;
}

/** Runs commands, one request's at a time in order. */
export class Runner {
  readonly #rules: CommandRules;
  readonly #primary: RedisConnection;
  readonly #replica: RedisConnection | undefined;
  #commands = 0;
  readonly #byCommand = new Map<string, number>();
  #offset = "0";

  constructor(
    rules: CommandRules,
    primary: RedisConnection,
    replica: RedisConnection | undefined,
  ) {
    this.#rules = rules;
    this.#primary = primary;
    this.#replica = replica;
  }

  /** How far the primary is, as far as is known. */
  get syncToken(): string {
    return this.#offset;
  }

  /** Commands so far. */
  get counters(): Omit<UpstashCounters, "requests"> {
    return {
      commands: this.#commands,
      byCommand: Object.fromEntries(this.#byCommand),
    };
  }

  /** Counts what did not come through here. */
  bill(name: string, times = 1): void {
    this.#commands += times;
    const key = name.toLowerCase();
    this.#byCommand.set(key, (this.#byCommand.get(key) ?? 0) + times);
  }

  /**
   * Gives a reply for each command, or one error for a transaction that is refused as a whole.
   *
   * @throws {RedisAwayError}
   */
  async run(
    given: readonly Command[],
    { atomic, readOnly, syncToken }: RunOptions,
  ): Promise<Reply[] | string> {
    const commands = given.map(withoutForeignFlags);
    const refusals = commands.map((it) => this.#rules.refusal(it, readOnly));
    let replies: Reply[] | string;
    if (atomic) {
      const refused = refusals.find((it) => it !== undefined);
      if (refused !== undefined) return refused;
      replies = await this.#transaction(this.#primary, commands);
    } else {
      replies = [];
      for (const run of this.#runs(commands, refusals)) {
        if (typeof run === "string") {
          replies.push({ kind: "error", text: run });
          continue;
        }
        if (run.on !== this.#primary && syncToken) {
          await this.#catchUp(run.on, syncToken);
        }
        replies.push(...await this.#each(run.on, run.commands));
      }
    }
    await this.#writeDown(commands);
    return replies;
  }

  /** Neighbours that run in one place, together; refused ones between them. */
  *#runs(commands: readonly Command[], refusals: readonly unknown[]) {
    let run: { on: RedisConnection; commands: Command[] } | undefined;
    for (const [at, command] of commands.entries()) {
      const refusal = refusals[at];
      const on = this.#replica && this.#rules.reads(command)
        ? this.#replica
        : this.#primary;
      if (run && (run.on !== on || refusal !== undefined)) {
        yield run;
        run = undefined;
      }
      if (refusal !== undefined) yield String(refusal);
      else (run ??= { on, commands: [] }).commands.push(command);
    }
    if (run) yield run;
  }

  /** Each by itself; what a script calls is seen between two looks at Redis' own count, in a transaction. */
  async #each(
    on: RedisConnection,
    commands: readonly Command[],
  ): Promise<Reply[]> {
    for (const command of commands) this.bill(nameOf(command));
    const sent = commands.flatMap((it) =>
      isScript(it) ? [["MULTI"], STATS, it, STATS, ["EXEC"]] : [it]
    );
    const replies = await on.send(sent);
    let at = 0;
    return commands.map((command): Reply => {
      if (!isScript(command)) return replies[at++] ?? { kind: "null" };
      const [queued, executed] = [replies[at + 2], replies[at + 4]];
      at += 5;
      if (executed?.kind !== "array") return queued ?? { kind: "null" };
      const [before, reply, after] = executed.items;
      this.#billInner(before, after, command);
      return reply ?? { kind: "null" };
    });
  }

  async #transaction(
    on: RedisConnection,
    commands: readonly Command[],
  ): Promise<Reply[] | string> {
    const inner = commands.flatMap((it) =>
      isScript(it) ? [STATS, it, STATS] : [it]
    );
    const replies = await on.send([["MULTI"], ...inner, ["EXEC"]]);
    const executed = replies.at(-1);
    if (executed?.kind !== "array") {
      const error = replies.find((it) => it.kind === "error");
      return textOf(error ?? executed);
    }
    for (const command of commands) this.bill(nameOf(command));
    let at = 0;
    return commands.map((command): Reply => {
      if (!isScript(command)) return executed.items[at++] ?? { kind: "null" };
      const [before, reply, after] = executed.items.slice(at, at += 3);
      this.#billInner(before, after, command);
      return reply ?? { kind: "null" };
    });
  }

  #billInner(
    before: Reply | undefined,
    after: Reply | undefined,
    script: Command,
  ): void {
    const were = callsOf(before);
    for (const [name, calls] of callsOf(after)) {
      const own = name === "info" || name === nameOf(script).toLowerCase();
      const times = calls - (were.get(name) ?? 0) - (own ? 1 : 0);
      if (times > 0) this.bill(name, times);
    }
  }

  async #writeDown(commands: readonly Command[]): Promise<void> {
    if (commands.every((it) => this.#rules.reads(it))) return;
    this.#offset = this.#replica
      ? await offsetOf(this.#primary, "master_repl_offset")
      : String(Number(this.#offset) + 1);
  }

  async #catchUp(replica: RedisConnection, token: string): Promise<void> {
    const end = Date.now() + CATCH_UP_MS;
    while (
      Number(await offsetOf(replica, "slave_repl_offset")) < Number(token) &&
      Date.now() < end
    ) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function offsetOf(
  redis: RedisConnection,
  field: string,
): Promise<string> {
  const [info] = await redis.send([["INFO", "replication"]]);
  return new RegExp(`${field}:(\\d+)`).exec(textOf(info))?.[1] ?? "0";
}

function callsOf(info: Reply | undefined): Map<string, number> {
  const lines = textOf(info).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...lines].map(([, name = "", calls]) => [name, +calls!]));
}
