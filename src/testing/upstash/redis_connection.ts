/**
 * A connection to Redis that needs no package.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import {
  type Command,
  type Reply,
  ReplyReader,
  writeCommands,
} from "./resp.ts";

interface Waiting {
  left: number;
  readonly replies: Reply[];
  resolve(replies: Reply[]): void;
  reject(error: unknown): void;
}

/** Redis cannot be reached, or was lost before it answered. */
export class RedisAwayError extends Error {
  override readonly name = "RedisAwayError";
}

/** One connection, that dials when there is something to send and it is not connected. */
export class RedisConnection {
  readonly #url: URL;
  readonly #waiting: Waiting[] = [];
  #socket: Promise<Socket> | undefined;
  /** Gets what nobody asked for: messages, and what MONITOR tells. */
  onPush: ((reply: Reply) => void) | undefined;
  /** Runs when the connection has ended. */
  onEnd: (() => void) | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Sends commands together. Each has one reply, an error of Redis' included; rejects when Redis is away. */
  async send(commands: readonly Command[]): Promise<Reply[]> {
    if (commands.length === 0) return [];
    const socket = await (this.#socket ??= this.#dial());
    return this.#ask(socket, commands);
  }

  /** Ends it. A later command dials again. */
  end(): void {
    this.#socket?.then((socket) => socket.destroy(), () => {});
  }

  #ask(socket: Socket, commands: readonly Command[]): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      const left = commands.length;
      this.#waiting.push({ left, replies: [], resolve, reject });
      socket.write(writeCommands(commands));
    });
  }

  async #dial(): Promise<Socket> {
    const { hostname, port, username, password, pathname } = this.#url;
    const socket = connect(Number(port || 6379), hostname);
    socket.setNoDelay(true);
    const reader = new ReplyReader();
    socket.on("data", (chunk: Uint8Array) => { // bytes, since no encoding is set
      for (const reply of reader.read(chunk)) this.#take(reply);
    });
    let lost: (cause?: unknown) => void = () => {};
    socket.on("error", (cause) => lost(cause));
    socket.on("close", () => lost());
    await new Promise<void>((resolve, reject) => {
      lost = (cause) => {
        this.#socket = undefined;
        reject(this.#away(cause));
      };
      socket.on("connect", resolve);
    });
    lost = (cause) => {
      this.#socket = undefined;
      const error = this.#away(cause);
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
      this.onEnd?.();
    };
    const hello: Command[] = [];
    if (password) {
      const user = username ? [decodeURIComponent(username)] : [];
      hello.push(["AUTH", ...user, decodeURIComponent(password)]);
    }
    const database = pathname.slice(1);
    if (database) hello.push(["SELECT", database]);
    if (hello.length === 0) return socket;
    for (const reply of await this.#ask(socket, hello)) {
      if (reply.kind !== "error") continue;
      socket.destroy();
      throw this.#away(reply.text);
    }
    return socket;
  }

  #take(reply: Reply): void {
    const first = this.#waiting[0];
    if (!first) return this.onPush?.(reply);
    first.replies.push(reply);
    if (--first.left > 0) return;
    this.#waiting.shift();
    first.resolve(first.replies);
  }

  #away(cause: unknown): RedisAwayError {
    const why = cause === undefined ? "" : `: ${cause}`; // never the URL: it may hold a password
    return new RedisAwayError(
      `the local server cannot reach Redis at ${this.#url.host}${why}`,
      { cause },
    );
  }
}
