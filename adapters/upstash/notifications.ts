/**
 * Word that there is something to read, over one stream of server-sent events. It carries no message: what it loses is
 * read all the same, only later.
 *
 * @module
 */
import { delay } from "../../src/shared/timers.ts";
import { backoffDelay } from "../../src/shared/backoff.ts";
import { wakeChannel } from "../shared/streams.ts";
import { UpstashFailure } from "./failure.ts";
import type { Shard } from "./shard.ts";

/** What a listener for wakes is made with. */
export interface WakesSettings {
  readonly url: string;
  readonly token: string;
  readonly prefix: string;
  /** Whose own wakes are none. */
  readonly instance: string;
  readonly timeoutMs: number;
}

/** What it tells, and asks. */
export interface WakesHost {
  /** Whether anybody listens. */
  needed(): boolean;
  /** There is something to read, or there was time in which nobody would have been told. */
  wake(): void;
  /** The stream cannot be had. */
  error(error: unknown): void;
}

const RETRY = { baseMs: 250, maxMs: 30_000, factor: 2 };
/** A stream is renewed after this, since how long a server lets one live is not known. */
const LIFETIME_MS = 300_000;
/** What one event may be long. */
const MAX_EVENT = 65_536;
/** How often an entry that was announced is looked for: a replica may be behind, or it may be trimmed already. */
const LOOKS = 6;

/** Keeps one stream open while somebody listens. */
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
  #told = "";
  /** Whether news would be told. */
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

  /** Opens the stream, if it is not. */
  open(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    void this.#run();
  }

  /** Gives the stream up, and opens another. */
  renew(): void {
    this.#session.abort();
  }

  /** Whether something that was announced is still to be read, to be asked after each read. */
  expecting(): boolean {
    for (const [key, it] of this.#expected) {
      const over = it.shard.cursor === undefined ||
        it.shard.heard(it.writer) >= it.seq || ++it.looks > LOOKS;
      if (over) this.#expected.delete(key);
    }
    return this.#expected.size > 0;
  }

  /** Ends. */
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
        this.#tell(error);
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

  /** One stream to its end. */
  async #listen(session: AbortController): Promise<void> {
    const { url, token, prefix, timeoutMs } = this.#settings;
    let timer = setTimeout(() => session.abort(), timeoutMs);
    try {
      // An @ may stand in a path as it is; so only the escapes of the prefix have to be escaped.
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
      session.abort(); // what is left of the answer is not read
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

  #tell(error: unknown): void {
    if (this.#closed || this.#session.signal.aborted && this.listening) return;
    const text = String(error);
    if (text !== this.#told) this.#host.error(error); // the same again is not told again
    this.#told = text;
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
