/**
 * `/subscribe`, `/psubscribe` and `/monitor`: what Redis tells, as server-sent events.
 *
 * @module
 */
import type { ServerResponse } from "node:http";
import { RedisConnection } from "./redis_connection.ts";
import { type Reply, textOf } from "./resp.ts";

/** How a stream is cut. */
export type Cut = "reset" | "end";

/** The streams that are open. Each has a connection to Redis of its own. */
export class EventStreams {
  readonly #redisUrl: string;
  readonly #bill: (name: string) => void;
  readonly #open = new Set<(how: Cut) => void>();

  constructor(redisUrl: string, bill: (name: string) => void) {
    this.#redisUrl = redisUrl;
    this.#bill = bill;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens one, or answers with what Redis has against it. */
  async open(
    name: "SUBSCRIBE" | "PSUBSCRIBE" | "MONITOR",
    channels: readonly string[],
    response: ServerResponse,
  ): Promise<Reply | undefined> {
    const redis = new RedisConnection(this.#redisUrl);
    const early: Reply[] = []; // it may come with the first reply, and the head has to be first
    redis.onPush = (reply) => early.push(reply);
    const [first] = await redis.send([[name, ...channels]]);
    if (!first || first.kind === "error") {
      redis.end();
      return first;
    }
    this.#bill(name);
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    });
    const tell = (data: string) => response.write(`data: ${data}\n\n`);
    redis.onPush = (reply) => tell(asText(reply)); // a line feed in a payload is not escaped
    tell(name === "MONITOR" ? '"OK"' : asText(first));
    for (const reply of early) tell(asText(reply));
    const cut = (how: Cut) => {
      if (how === "end") response.end();
      else response.socket?.destroy();
    };
    this.#open.add(cut);
    redis.onEnd = () => cut("end");
    response.on("close", () => {
      if (!this.#open.delete(cut)) return;
      redis.onEnd = undefined;
      redis.end();
      if (name !== "MONITOR") this.#bill(`UN${name}`);
    });
    return undefined;
  }

  /** Cuts all of them. */
  cut(how: Cut): void {
    for (const cut of this.#open) cut(how);
  }
}

/** `subscribe,channel,1`, `message,channel,payload`, `pmessage,pattern,channel,payload`, or what MONITOR says. */
function asText(reply: Reply): string {
  return reply.kind === "array"
    ? reply.items.map(textOf).join(",")
    : textOf(reply);
}
