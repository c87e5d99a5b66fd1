// What one person heard one way, by the ids that the nodes gave.
import type { Message } from "./api.ts";

/** Keeps messages until they are asked for, and waits for those to come. */
export class Mailbox {
  readonly #messages = new Map<string, Message>();
  readonly #waiting = new Map<string, (message: Message) => void>();

  readonly put = (message: Message): void => {
    this.#messages.set(message.id, message);
    this.#waiting.get(message.id)?.(message);
  };

  has(id: string): boolean {
    return this.#messages.has(id);
  }

  /** Resolves to the message, or `undefined` when it did not come in time. */
  async take(id: string, withinMs: number): Promise<Message | undefined> {
    const here = this.#messages.get(id);
    if (here) return here;
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(resolve, withinMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }
}
