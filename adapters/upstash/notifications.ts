/**
 * Notifications of new entries over one stream of server-sent events. They carry no messages: if a notification is
 * lost, the entry is read later.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import { wakeChannel } from "../shared/streams.ts";
import { UpstashFailure } from "./failure.ts";
import type { Shard } from "./shard.ts";

/** The settings of notifications. */
export interface WakesSettings {
  readonly url: string;
  readonly token: string;
  readonly prefix: string;
  /** The id of this instance, whose own notifications are ignored. */
  readonly instance: string;
  readonly timeoutMs: number;
}

/** Receives notifications. */
export interface WakesHost {
  /** Whether any channel is subscribed. */
  needed(): boolean;
  /** There may be new entries, or notifications may have been missed. */
  wake(): void;
  /** The stream cannot be opened. */
  error(error: unknown): void;
}

const RETRY = { baseMs: 250, maxMs: 30_000, factor: 2 };
/** After how long the stream is reopened, in milliseconds. How long a server keeps one open is not documented. */
const LIFETIME_MS = 300_000;
/** The longest event, in characters. */
const MAX_EVENT = 65_536;
/** How often to look for an announced entry: a replica may lag behind, or the entry may be trimmed already. */
const LOOKS = 6;

/** Keeps one event stream open while any channel is subscribed. */
export class Wakes {
  readonly #settings: WakesSettings;
  readonly #shards: readonly Shard[];
  readonly #host: WakesHost;
  readonly #expected = new Map<
    string,
    { shard: Shard; writer: string; seq: number; looks: number }
  >();
  #running = false;
  #closed = false;
  #session = new AbortController();
  #lastError = "";
  /** Whether notifications arrive. */
  listening = false;

  constructor(
    settings: WakesSettings,
    shards: readonly Shard[],
    host: WakesHost,
  ) {
    this.#settings = settings;
    this.#shards = shards;
    this.#host = host;
  }

  /** Opens the stream unless it is open. */
  open(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    void this.#run();
  }

  /** Closes the stream and opens another one. */
  renew(): void {
    this.#session.abort();
  }

  /** Tells whether an announced entry is still to be read. Call it after each read. */
  expecting(): boolean {
    for (const [key, it] of this.#expected) {
      const over = it.shard.cursor === undefined ||
        it.shard.heard(it.writer) >= it.seq || ++it.looks > LOOKS;
      if (over) this.#expected.delete(key);
    }
    return this.#expected.size > 0;
  }

  /** Closes the stream. */
  close(): void {
    this.#closed = true;
    this.#session.abort();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#closed && this.#host.needed();) {
      this.#session = new AbortController();
      try {
        await this.#listen(this.#session);
        failures = 0;
      } catch (error) {
        if (this.listening) failures = 0;
        this.#report(error);
      }
      this.listening = false;
      if (this.#closed) break;
      this.#host.wake();
      this.#session = new AbortController(); // so that `close` and `renew` end the wait
      await delay(backoffDelay(failures++, RETRY), {
        signal: this.#session.signal,
      });
    }
    this.#running = false;
  }

  /** Runs one stream to its end. */
  async #listen(session: AbortController): Promise<void> {
    const { url, token, prefix, timeoutMs } = this.#settings;
    let timer = setTimeout(() => session.abort(), timeoutMs);
    try {
      // An @ needs no escape in a path; only the escapes of the prefix have to be escaped.
      const channel = wakeChannel(prefix).replaceAll("%", "%25");
      const response = await fetch(`${url}/subscribe/${channel}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          accept: "text/event-stream",
        },
        signal: session.signal,
      });
      const type = response.headers.get("content-type") ?? "";
      if (!response.ok || !type.startsWith("text/event-stream")) {
        throw new UpstashFailure(
          `Cannot listen for wakes: the answer is ${response.status} ${type}`,
          "away",
        );
      }
      for await (const line of lines(response)) {
        if (!this.listening) {
          this.listening = true;
          clearTimeout(timer);
          timer = setTimeout(() => session.abort(), LIFETIME_MS);
          this.#host.wake();
        }
        const start = `data: message,${wakeChannel(prefix)},`;
        if (line.startsWith(start)) this.#take(line.slice(start.length));
      }
    } finally {
      clearTimeout(timer);
      session.abort(); // the rest of the response is not read
    }
  }

  #take(text: string): void {
    const [writer = "", ...parts] = text.trim().split(" ");
    if (writer === this.#settings.instance) return;
    let news = false;
    for (const part of parts) {
      const [at, seq] = part.split(".").map(Number);
      const shard = this.#shards[at ?? -1];
      if (!shard || !seq || shard.cursor === undefined) continue;
      if (shard.heard(writer) >= seq) continue;
      this.#expected.set(`${writer} ${at}`, { shard, writer, seq, looks: 0 });
      news = true;
    }
    if (news) this.#host.wake();
  }

  #report(error: unknown): void {
    if (this.#closed || this.#session.signal.aborted && this.listening) return;
    const text = String(error);
    if (text !== this.#lastError) this.#host.error(error); // an unchanged error is reported once
    this.#lastError = text;
  }
}

async function* lines(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream())
    .getReader();
  let rest = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((it) => it.startsWith("data:"));
    if (rest.length > MAX_EVENT) throw new RangeError("An event is too long");
  }
}
