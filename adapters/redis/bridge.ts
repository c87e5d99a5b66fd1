/**
 * Writes what nodes without TCP read: streams.
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
import type { Face } from "./connection.ts";

/** Makes each publish two writes that leave together: one for nodes that subscribe, one for nodes that read. */
export class Bridge {
  readonly #prefix: string;
  readonly #wake: boolean;
  readonly #renewed = new Map<number, number>();

  /**
   * @param prefix What channels and keys start with
   * @param wake Whether readers are told that there is something to read
   */
  constructor(prefix: string, wake: boolean) {
    this.#prefix = prefix;
    this.#wake = wake;
  }

  /** Publishes over a client. A publish fails when one of its writes does; the other is not taken back. */
  over(face: Face): (channel: string, payload: string) => Promise<unknown> {
    // Of one connection: what an older one still has under way must not look like a repetition.
    const instance = crypto.randomUUID().slice(-12);
    const start = `${this.#prefix}:`;
    let seq = 0;
    let last = new Map<number, number>();
    let told: Promise<unknown> | undefined;
    const tell = () => {
      const text = announce(instance, last);
      last = new Map();
      told = undefined;
      return face.publish(wakeChannel(this.#prefix), text);
    };
    return (channel, payload) => {
      if (!channel.startsWith(start)) return face.publish(channel, payload); // the link's own
      const shard = shardOf(channel.slice(start.length));
      const writes = [
        face.publish(channel, payload),
        face.append({
          key: shardKey(this.#prefix, shard),
          fields: toFields({
            channel: channel.slice(start.length),
            payload,
            instance,
            seq: ++seq,
          }),
          renew: this.#isToRenew(shard),
        }),
      ];
      if (this.#wake) {
        last.set(shard, seq);
        told ??= Promise.resolve().then(tell);
        writes.push(told);
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
