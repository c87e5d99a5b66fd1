/**
 * Which commands REST carries, who may run them, and where they run.
 *
 * @module
 */
import type { RedisConnection } from "./redis_connection.ts";
import { type Command, textOf } from "./resp.ts";

/** Not over REST: they block, or are about the connection (docs, `redis/features/restapi`). */
const REFUSED = new Set(
  `BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF
   WATCH UNWATCH MULTI EXEC DISCARD SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE
   MONITOR AUTH HELLO CLIENT QUIT RESET READONLY READWRITE ASKING
   CLUSTER REPLICAOF SLAVEOF FAILOVER SYNC PSYNC REPLCONF SHUTDOWN DEBUG`
    .split(/\s+/),
);
const SCRIPTS = new Set(
  ["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"],
);
/** Beside commands that read, a read-only token may run these. */
const HARMLESS = new Set(["PING", "ECHO"]);
/** A read-only token may not run these, though they read. */
const NOT_READ_ONLY = new Set(["SCAN", "KEYS"]);

/** A command's name, as Redis has it. */
export function nameOf(command: Command): string {
  const [name = ""] = command;
  return (typeof name === "string" ? name : new TextDecoder().decode(name))
    .toUpperCase();
}

/** Whether a command calls others, which are billed too. */
export function isScript(command: Command): boolean {
  return SCRIPTS.has(nameOf(command));
}

/** What Redis says about its commands. */
export class CommandRules {
  readonly #reading: ReadonlySet<string>;

  private constructor(reading: ReadonlySet<string>) {
    this.#reading = reading;
  }

  /** Asks Redis. */
  static async ask(redis: RedisConnection): Promise<CommandRules> {
    const [reply] = await redis.send([["COMMAND"]]);
    const reading = new Set<string>();
    for (const entry of reply?.kind === "array" ? reply.items : []) {
      if (entry.kind !== "array") continue;
      const [name, , flags] = entry.items;
      const all = flags?.kind === "array" ? flags.items.map(textOf) : [];
      if (all.includes("readonly")) reading.add(textOf(name).toUpperCase());
    }
    return new CommandRules(reading);
  }

  /** Whether a replica may run it. */
  reads(command: Command): boolean {
    return this.#reading.has(nameOf(command));
  }

  /** The error for a command that is not run, if so. */
  refusal(command: Command, readOnly: boolean): string | undefined {
    const name = nameOf(command);
    const args = command.slice(1).map((it) => String(it).toUpperCase());
    const streams = args.indexOf("STREAMS");
    const blocks = /^XREAD(GROUP)?$/.test(name) &&
      args.slice(0, streams < 0 ? undefined : streams).includes("BLOCK");
    const elsewhere = name === "SELECT" && args[0] !== "0";
    if (REFUSED.has(name) || blocks || elsewhere) {
      return `ERR Command is not allowed in REST: "${name}"`; // the words of 2023, vercel/storage#278
    }
    const may = this.reads(command) && !NOT_READ_ONLY.has(name) ||
      HARMLESS.has(name);
    if (readOnly && !may) {
      return `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command or its subcommand`;
    }
    return undefined;
  }
}

/** A flag that only Upstash has, and Redis refuses. */
export function withoutForeignFlags(command: Command): Command {
  const [name, script, ...rest] = command;
  if (!isScript(command) || typeof script !== "string") return command;
  const flags = /^#!lua flags=[^\n]*/.exec(script)?.[0];
  if (!flags?.includes("allow-key-locking")) return command;
  const others = flags.slice("#!lua flags=".length).split(",")
    .map((it) => it.trim()).filter((it) => it !== "allow-key-locking");
  const shebang = others.length > 0
    ? `#!lua flags=${others.join(",")}`
    : "#!lua";
  return [name ?? "", shebang + script.slice(flags.length), ...rest];
}
