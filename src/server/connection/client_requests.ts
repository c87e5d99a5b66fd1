/**
 * What one client was asked and has not answered.
 *
 * @module
 */
import type { Outbox } from "./outbox.ts";
import {
  type Fields,
  type Frame,
  plainFrame,
  withId,
} from "../../wire/protocol.ts";

/** Takes an answer: the `res` or `err` frame that came, or stands for one. */
export type TakeAnswer = (answer: Fields) => void;

/** The answer of a client that is not there. */
export const CLIENT_GONE: Fields = [
  "err",
  0,
  "DISCONNECTED",
  "The client has gone",
];

/** The questions of one connection. Their ids are the server's, and nobody else's connection knows them. */
export class ClientRequests {
  readonly #pending = new Map<number, TakeAnswer>();
  #id = 0;

  /** How many are not answered. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Asks.
   *
   * @param frame The question, made with id 0
   * @param take Called once, unless it is cancelled before
   * @returns What cancels it: the client is told
   */
  ask(outbox: Outbox, frame: Frame, take: TakeAnswer): () => void {
    const id = ++this.#id;
    this.#pending.set(id, take);
    outbox.reply(withId(frame, id)); // as a reply: never dropped
    return () => {
      if (this.#pending.delete(id)) outbox.reply(plainFrame("cancel", id));
    };
  }

  /** Whether an answer of this id is waited for. */
  expects(id: unknown): boolean {
    return this.#pending.has(id as number); // a Map takes any key
  }

  /** Takes an answer; of a question that is cancelled, or never was, it does nothing. */
  answer(fields: Fields): void {
    const id = fields[1] as number; // a Map takes any key
    const take = this.#pending.get(id);
    this.#pending.delete(id);
    take?.(fields);
  }

  /** The client has gone. */
  end(): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const take of pending) take(CLIENT_GONE);
  }
}
