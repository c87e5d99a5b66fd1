/**
 * The two connections of an adapter to one Redis.
 *
 * @module
 */
import type { Bridge } from "./bridge.ts";
import type { Face, FaceEvents, MakeFace } from "./connection.ts";
import { within } from "../shared/timing.ts";

/** Where the two clients come from. */
export interface Source {
  /** Makes the one that publishes. */
  readonly publisher: MakeFace;
  /** Makes the one that subscribes; where left out, the one that publishes does. */
  readonly subscriber: MakeFace;
  /** Which of them are the adapter's: made for one session, and ended with it. Others are asked for an answer only. */
  readonly owns: { readonly publisher: boolean; readonly subscriber: boolean };
}

/** Opens a session at a time. What a client of the user's may still be subscribed to is cleared at the next. */
export class Pairs {
  readonly #source: Source;
  readonly #bridge: Bridge | undefined;
  readonly #stale = new Set<string>();
  // One question at a time, so that a client which queues while it is offline holds no more than that.
  readonly #asked = new Map<string, Promise<unknown>>();

  /**
   * @param source Where the two come from
   * @param bridge Writes for nodes without TCP too
   */
  constructor(source: Source, bridge?: Bridge) {
    this.#source = source;
    this.#bridge = bridge;
  }

  /**
   * Connects both, and gives up after a while or at the signal.
   *
   * @throws Why it could not; nothing is left then
   */
  async connect(
    events: FaceEvents,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Pair> {
    const quiet = { ...events, message: () => {} };
    const faces: Face[] = [];
    const { publisher, subscriber, owns } = this.#source;
    const end = () => {
      for (const [at, face] of faces.entries()) {
        face.release();
        if (at === 0 ? owns.publisher : owns.subscriber) destroy(face);
      }
    };
    try {
      signal.throwIfAborted();
      faces.push(await publisher(quiet));
      faces.push(await subscriber(events));
      const [publishing, subscribing] = faces as [Face, Face]; // just pushed
      const ready = Promise.all([
        this.#ready(publishing, "publisher"),
        this.#ready(subscribing, "subscriber"),
      ]);
      // Counted from here: what came before is the loading of a package.
      const inTime = within(ready, timeoutMs, "Redis has not answered");
      await Promise.race([inTime, aborted(signal)]);
      const stale = [...this.#stale];
      // A client that has lost them says so, or throws: either way they are gone.
      if (stale.length > 0) {
        await subscribing.unsubscribe(stale).catch(() => {});
      }
      this.#stale.clear();
      return {
        publish: this.#bridge?.over(publishing) ?? publishing.publish,
        evaluate: publishing.evaluate,
        subscribe: (channels) => {
          if (!owns.subscriber) {
            for (const channel of channels) this.#stale.add(channel);
          }
          return subscribing.subscribe(channels);
        },
        unsubscribe: async (channels) => {
          await subscribing.unsubscribe(channels);
          for (const channel of channels) this.#stale.delete(channel);
        },
        end,
      };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Leaves what a client of the user's would subscribe again when it is back. */
  async close(): Promise<void> {
    if (this.#stale.size === 0) return;
    const face = await this.#source.subscriber({
      message: () => {},
      lost: () => {},
    });
    face.release();
    const stale = [...this.#stale];
    this.#stale.clear();
    await face.unsubscribe(stale).catch(() => {}); // the user's client; what fails is theirs to see
  }

  #ready(face: Face, which: "publisher" | "subscriber"): Promise<unknown> {
    if (this.#source.owns[which]) return face.connect();
    let asked = this.#asked.get(which);
    if (!asked) {
      asked = face.ping().finally(() => this.#asked.delete(which));
      this.#asked.set(which, asked);
    }
    return asked;
  }
}

/** Two connected clients, for one session. */
export interface Pair {
  /** See {@linkcode Face}. */
  publish(channel: string, payload: string): Promise<unknown>;
  /** See {@linkcode Face}. */
  evaluate(script: string, keys: string[], args: string[]): Promise<unknown>;
  /** See {@linkcode Face}. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  /** See {@linkcode Face}. */
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  /** Ends the adapter's own, lets go of the user's. */
  end(): void;
}

function destroy(face: Face): void {
  try {
    face.destroy();
  } catch {
    // Some versions throw where the connection has ended already, which is what was asked for.
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    });
  });
}
