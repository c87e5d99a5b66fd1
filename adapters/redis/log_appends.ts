/**
 * Appends to logs that Redis has not answered yet.
 *
 * @module
 */
import type { Appended, AppendOptions, LogRead } from "../../src/seams/log.ts";
import { formatPosition, type Position } from "../../src/wire/position.ts";
import type { BrokenLogs } from "../../adapters/shared/broken_logs.ts";
import { unavailable, within } from "../../adapters/shared/timing.ts";
import type { ConnectionPair as Pair } from "./connections.ts";
import { epochOf, idOf, logKey, startOf, toRead } from "./log_format.ts";
import { APPEND, ASK, READ } from "./log_scripts.ts";

/** What one append costs beside its texts. */
const OVERHEAD = 256;
/** How many messages one call of the script stores at most, and how many characters, so that others come between. */
const MAX_BATCH = 100;
const MAX_BATCH_LENGTH = 262_144;
/** How long an attempt may be on its way, in milliseconds: it is repeated only after that. */
const ATTEMPT_MS = 1_000;
/** How far the clocks of a node and of its Redis may drift apart during a session. */
const DRIFT_MS = 50;
/** After how long a node renews the key of a log that it appends to, in milliseconds. */
const RENEW_MS = 3_600_000;
/** How many logs' epochs are remembered. */
const MAX_EPOCHS = 10_000;

/** What all links of one adapter share. */
export interface LogSettings {
  /** Logs that must begin a new epoch. */
  readonly broken: BrokenLogs;
  /** Gives each message its tag. */
  tag(): string;
  /** Whether scripts publish to shards. */
  readonly sharded: boolean;
}

interface Append {
  /** The order of the calls. */
  readonly seq: number;
  readonly channel: string;
  readonly payload: string;
  readonly options: AppendOptions;
  readonly tag: string;
  readonly size: number;
  /** By `performance.now`, when it is given up; once it was sent, after as long again. */
  readonly until: number;
  readonly settle: (appended: Appended) => void;
  /** By the clock of Redis, until when the last attempt may be carried out; 0 when there was none. */
  attemptUntil: number;
}

/** What is known of a session's Redis. */
interface Known {
  /** The digest of the script; `undefined` where the whole script is sent each time. */
  sha: string | undefined;
  /** The server's run, empty where there are several servers. */
  readonly run: string;
  /** What to add to `performance.now` for the clock of Redis. */
  readonly offset: number;
}

/** Appends and reads over one link. Bounded; what a lost session left is looked for in the next. */
export class LogAppends {
  readonly #settings: LogSettings;
  readonly #timeoutMs: number;
  readonly #maxPending: number;
  #pending = 0;
  /** Not sent, in order. Those that may have been carried out come first. */
  #waiting: Append[] = [];
  readonly #sent = new Set<Append>();
  #pair: Pair | undefined;
  #known: Promise<Known> | undefined;
  #ready: Known | undefined;
  /** The epochs of logs, and when the logs' keys are to be renewed. */
  readonly #epochs = new Map<string, { first: string; renewAt: number }>();
  #scheduled = false;
  #seq = 0;
  /** How many calls are not answered. */
  #calls = 0;
  /** Whether a call of this session was refused and others are not answered yet. */
  #refusing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  /**
   * @param settings What the adapter's links share
   * @param timeoutMs How long an append may wait
   * @param maxPending How many characters may wait
   */
  constructor(settings: LogSettings, timeoutMs: number, maxPending: number) {
    this.#settings = settings;
    this.#timeoutMs = timeoutMs;
    this.#maxPending = maxPending;
  }

  /** Appends. Never rejects. */
  append(
    channel: string,
    payload: string,
    options: AppendOptions,
  ): Promise<Appended> {
    const size = channel.length + payload.length + OVERHEAD;
    const fits = this.#pending === 0 ||
      this.#pending + size <= this.#maxPending;
    if (this.#closed || !fits) {
      this.#settings.broken.add(channel);
      const why = fits ? "the adapter is closed" : "too many appends wait";
      return Promise.resolve(notKept(false, channel, why));
    }
    this.#pending += size;
    return new Promise((settle) => {
      this.#waiting.push({
        seq: this.#seq++,
        channel,
        payload,
        options,
        tag: this.#settings.tag(),
        size,
        until: performance.now() + this.#timeoutMs,
        settle,
        attemptUntil: 0,
      });
      this.#timer ??= setTimeout(this.#look, this.#timeoutMs);
      this.#schedule();
    });
  }

  /** Reads, see `LogStore.read`; of a session that is lost it rejects as that does. */
  async read(
    pair: Pair,
    channel: string,
    after: Position | undefined,
    limit: number,
  ): Promise<LogRead> {
    const { run } = await this.#know(pair);
    const at = after === undefined ? undefined : idOf(after);
    const foreign = after !== undefined && at === undefined;
    const answer = await pair.evaluate(READ, [logKey(channel, "log")], [
      run,
      foreign ? "0" : at?.first ?? "",
      foreign ? "0" : at ? `${at.n}` : "",
      `${limit}`,
      this.#settings.tag(),
    ]);
    const read = toRead(answer, after, limit);
    if (read) return read;
    throw unavailable("The log answered in another shape than Redis does");
  }

  /** Starts a session. */
  attach(pair: Pair): void {
    this.#pair = pair;
    this.#schedule();
  }

  /** Ends a session. What was under way is looked for in the next one, in the order of before. */
  detach(): void {
    this.#pair = undefined;
    this.#known = undefined;
    this.#ready = undefined;
    this.#epochs.clear(); // another server may have another state
    this.#waiting = [...this.#sent, ...this.#waiting]
      .sort((a, b) => a.seq - b.seq);
    this.#sent.clear();
    this.#calls = 0;
    this.#refusing = false;
  }

  /** Resolves when none is under way. */
  idle(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Gives up on what is under way. */
  close(): void {
    this.#closed = true;
    this.detach();
    clearTimeout(this.#timer);
    for (const it of this.#waiting.splice(0)) {
      this.#fail(it, it.attemptUntil > 0 ? "unknown" : false, "it was closed");
    }
  }

  /** Gives up on what has waited long enough. */
  readonly #look = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    const end = ({ until, attemptUntil }: Append) =>
      attemptUntil > 0 ? until + this.#timeoutMs : until;
    const late = (it: Append) => end(it) <= now;
    for (const it of this.#waiting.filter(late)) {
      const kept = it.attemptUntil > 0 ? "unknown" : false;
      this.#fail(it, kept, `Redis has not answered in ${this.#timeoutMs} ms`);
    }
    this.#waiting = this.#waiting.filter((it) => !late(it));
    for (const it of this.#sent) {
      if (late(it)) this.#fail(it, "unknown", "Redis has not answered");
    }
    const first = Math.min(
      ...[...this.#sent, ...this.#waiting].map(end),
    );
    if (first === Infinity) return;
    this.#timer = setTimeout(this.#look, Math.max(1, first - now));
  };

  #schedule(): void {
    if (this.#scheduled || this.#refusing || !this.#pair) return;
    if (this.#waiting.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(this.#flush);
  }

  readonly #flush = async (): Promise<void> => {
    const pair = this.#pair;
    try {
      if (!pair) return;
      const known = this.#ready ?? await this.#know(pair);
      if (this.#pair !== pair) return;
      // An attempt of before must be over, one way or the other, before it is repeated.
      const late = Math.max(...this.#waiting.map((it) => it.attemptUntil));
      const waitMs = late + 2 * DRIFT_MS - known.offset - performance.now();
      if (late > 0 && waitMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (this.#pair !== pair) return;
      }
      if (!this.#refusing) this.#send(pair, known);
    } catch (cause) {
      if (this.#pair !== pair) return; // the session is over
      for (const it of this.#waiting.splice(0)) {
        this.#fail(it, it.attemptUntil > 0 ? "unknown" : false, cause);
      }
    } finally {
      this.#scheduled = false;
      this.#schedule();
    }
  };

  /** Sends all that waits: what one turn appended to one log in one call. */
  #send(pair: Pair, known: Known): void {
    const open = new Map<string, Append[]>();
    const batches: Append[][] = [];
    for (const it of this.#waiting.splice(0)) {
      this.#sent.add(it);
      const { last, forMs, id } = it.options;
      const batch = open.get(it.channel);
      const first = batch?.[0];
      const alone = id !== undefined || it.attemptUntil > 0;
      if (
        batch && !alone && first?.options.last === last &&
        first.options.forMs === forMs && batch.length < MAX_BATCH &&
        batch.reduce((sum, { size }) => sum + size, it.size) < MAX_BATCH_LENGTH
      ) {
        batch.push(it);
        continue;
      }
      const next = [it];
      batches.push(next);
      if (alone) open.delete(it.channel);
      else open.set(it.channel, next);
    }
    for (const batch of batches) this.#call(pair, known, batch, known.sha);
  }

  #call(
    pair: Pair,
    known: Known,
    batch: readonly Append[],
    sha: string | undefined,
  ): void {
    const [first] = batch;
    if (!first) return;
    const { channel, options: { last, forMs, id } } = first;
    const { sharded, broken } = this.#settings;
    const keys = [logKey(channel, "log")];
    if (sharded) keys.push(channel);
    const before = keys.length;
    if (id !== undefined) {
      keys.push(`${logKey(channel, "id")}:${encodeURIComponent(id)}`);
    }
    const again = first.attemptUntil;
    const now = performance.now();
    const attemptMs = Math.min(ATTEMPT_MS, this.#timeoutMs / 2);
    const until = Math.floor((now + known.offset + attemptMs) / 1_000) + 1;
    for (const it of batch) it.attemptUntil = (until + 1) * 1_000;
    const anew = broken.has(channel);
    const epoch = this.#epochs.get(channel);
    const special = anew || again > 0 || id !== undefined || !epoch ||
      epoch.renewAt <= now || known.run === "";
    const args = [
      known.run,
      epoch ? `${epoch.first}-*` : "",
      `${until}`,
      `${last + 1}`,
      sharded ? "SPUBLISH" : "PUBLISH",
      channel,
      special
        ? `${again / 1_000} ${forMs} ${before} ${anew ? "new" : "-"} ${
          again > 0 ? first.tag : "-"
        }`
        : "",
    ];
    const goneAt = Math.round(now + known.offset + forMs);
    for (const { tag, payload } of batch) {
      args.push(startOf(tag, payload, goneAt) + payload);
    }
    if (special) this.#epochs.delete(channel); // until its answer says that it lives on
    if (anew) broken.delete(channel);
    const ran = sha === undefined
      ? pair.evaluate(APPEND, keys, args)
      : pair.run(sha, keys, args);
    this.#calls++;
    ran.then(
      (answer) => this.#answered(pair, batch, answer),
      (error) => {
        if (this.#pair !== pair) return; // looked for in the next session
        if (anew) broken.add(channel);
        if (sha !== undefined && /NOSCRIPT/.test(String(error))) {
          return this.#refused(known, batch);
        }
        for (const it of batch) {
          if (this.#sent.delete(it)) this.#fail(it, false, error);
        }
      },
    ).finally(() => {
      if (this.#pair === pair) this.#settled();
    });
  }

  /**
   * Redis has forgotten the script. Nothing more is sent until all calls under way have been answered; then what was
   * refused goes first, in order, and the whole script with each call from now on.
   */
  #refused(known: Known, batch: readonly Append[]): void {
    known.sha = undefined;
    this.#refusing = true;
    for (const it of batch) {
      if (!this.#sent.delete(it)) continue;
      it.attemptUntil = 0;
      this.#waiting.push(it);
    }
  }

  /** A call was answered. */
  #settled(): void {
    if (--this.#calls > 0 || !this.#refusing) return;
    this.#refusing = false;
    this.#waiting.sort((a, b) => a.seq - b.seq);
    this.#schedule();
  }

  #answered(pair: Pair, batch: readonly Append[], answer: unknown): void {
    const [id, tag] = Array.isArray(answer) ? answer : [answer];
    const [, first, n] = /^(\d{7,20})-(\d{1,12})$/.exec(String(id)) ?? [];
    for (const [index, it] of batch.entries()) {
      // Another session may be looking for it by now: what is so is so.
      const there = this.#sent.delete(it) || this.#remove(it);
      if (!there) continue;
      if (first === undefined) {
        const kept = id === "late" ? false : "unknown";
        this.#fail(it, kept, `Redis has not answered in time (${id})`);
        continue;
      }
      const position = formatPosition(
        epochOf(first),
        Number(n) + index,
        tag === undefined ? it.tag : String(tag),
      );
      this.#done(it.size);
      it.settle({ kept: true, position, repeated: tag !== undefined });
    }
    const { channel = "", seq = 0 } = batch[0] ?? {};
    if (this.#pair !== pair || first === undefined || tag !== undefined) return;
    if (this.#refusing) this.#passOver(channel, seq);
    // Answers come in order, so that this one is the newest.
    if (this.#epochs.get(channel)?.first === first) return;
    if (this.#epochs.size >= MAX_EPOCHS) this.#epochs.clear();
    const renewAt = performance.now() + RENEW_MS;
    this.#epochs.set(channel, { first, renewAt });
  }

  /** Gives up on what was refused before a message that is stored: it would come after that one. */
  #passOver(channel: string, seq: number): void {
    const over = (it: Append) => it.channel === channel && it.seq < seq;
    const passed = this.#waiting.filter(over);
    this.#waiting = this.#waiting.filter((it) => !over(it));
    for (const it of passed) this.#fail(it, false, "Redis forgot the script");
  }

  #remove(it: Append): boolean {
    const at = this.#waiting.indexOf(it);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** Learns what a session needs: once, before its first append or read. */
  #know(pair: Pair): Promise<Known> {
    if (this.#pair !== pair) {
      return Promise.reject(unavailable("The session was lost"));
    }
    return this.#known ??= this.#askFor(pair).then((known) => {
      if (this.#pair === pair) this.#ready = known;
      return known;
    });
  }

  async #askFor(pair: Pair): Promise<Known> {
    const started = performance.now();
    const asked = pair.evaluate(ASK, [], []);
    const loaded = pair.several ? undefined : pair.load(APPEND);
    loaded?.catch(() => {}); // awaited below, or the other one failed first
    const late = "Redis has not answered";
    const answer = await within(asked, this.#timeoutMs, late);
    const at = (started + performance.now()) / 2;
    const [info, time] = Array.isArray(answer) ? answer : [];
    const version = Number(/redis_version:(\d+)/.exec(String(info))?.[1]);
    const run = /run_id:(\w{12})/.exec(String(info))?.[1];
    if (!(version >= 7) || run === undefined) {
      throw unavailable(
        `Cannot keep topics in Redis ${version}: must be version 7 or later`,
      );
    }
    const sha = loaded && String(await within(loaded, this.#timeoutMs, late));
    return {
      sha,
      run: pair.several ? "" : run,
      offset: Number(time) - at,
    };
  }

  #fail(it: Append, kept: false | "unknown", cause: unknown): void {
    this.#sent.delete(it);
    this.#done(it.size);
    this.#settings.broken.add(it.channel);
    it.settle(notKept(kept, it.channel, cause));
  }

  #done(size: number): void {
    this.#pending -= size;
    if (this.#pending > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

function notKept(
  kept: false | "unknown",
  channel: string,
  cause: unknown,
): Appended {
  const why = typeof cause === "string" ? `: ${cause}` : "";
  return {
    kept,
    cause: unavailable(
      `Cannot append to the log of ${JSON.stringify(channel)}${why}`,
      typeof cause === "string" ? undefined : cause,
    ),
  };
}
