/**
 * Writes each publish to a stream too, for nodes that have no TCP and read streams.
 *
 * @module
 */
import {
  announce,
  RENEW_MS,
  shardKey,
  shardOf,
  toFields,
  wakeChannel,
} from "../shared/streams.ts";
import type { Connection } from "./connection.ts";
import { unescape } from "./log_format.ts";

/**
 * Makes each publish two writes that leave together: a PUBLISH for nodes that subscribe, a stream entry for nodes that
 * poll.
 */
export class Bridge {
  readonly #prefix: string;
  readonly #wake: boolean;
  readonly #renewed = new Map<number, number>();

  /**
   * @param prefix The prefix of channels and keys
   * @param wake Whether readers are notified of new entries
   */
  constructor(prefix: string, wake: boolean) {
    this.#prefix = prefix;
    this.#wake = wake;
  }

  /**
   * Returns a publish function over a connection. A publish fails when one of its writes fails; the other one stays.
   */
  over(
    connection: Connection,
  ): (channel: string, payload: string) => Promise<unknown> {
    // One id for each connection, so that commands still in flight on an older one do not look like repeats.
    const instance = crypto.randomUUID().slice(-12);
    const start = `${this.#prefix}:`;
    let seq = 0;
    let last = new Map<number, number>();
    let announced: Promise<unknown> | undefined;
    const sendAnnouncement = () => {
      const text = announce(instance, last);
      last = new Map();
      announced = undefined;
      return connection.publish(wakeChannel(this.#prefix), text);
    };
    return (channel, payload) => {
      if (!channel.startsWith(start)) {
        return connection.publish(channel, payload); // the link's own probe
      }
      const shard = shardOf(channel.slice(start.length));
      const writes = [
        connection.publish(channel, payload),
        connection.append({
          key: shardKey(this.#prefix, shard),
          fields: toFields({
            channel: channel.slice(start.length),
            payload: unescape(payload),
            instance,
            seq: ++seq,
          }),
          renew: this.#isToRenew(shard),
        }),
      ];
      if (this.#wake) {
        last.set(shard, seq);
        announced ??= Promise.resolve().then(sendAnnouncement);
        writes.push(announced);
      }
      return Promise.all(writes);
    };
  }

  #isToRenew(shard: number): boolean {
    const now = performance.now();
    const fresh = now - (this.#renewed.get(shard) ?? -RENEW_MS) < RENEW_MS;
    if (!fresh) this.#renewed.set(shard, now);
    return !fresh;
  }
}
