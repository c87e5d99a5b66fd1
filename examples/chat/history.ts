// The last messages of each room, in memory and bounded in both directions.
import { SocketError } from "@super-line/edge";
import type { Message } from "./api.ts";

const ROOMS = ["lobby", "random", "help"];
const MAX_ROOMS = 50;
const MAX_MESSAGES = 50;

export class History {
  readonly #rooms = new Map<string, Message[]>(ROOMS.map((room) => [room, []]));

  /** The rooms there are. */
  get rooms(): string[] {
    return [...this.#rooms.keys()];
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  messages(room: string): Message[] {
    return this.#rooms.get(room) ?? [];
  }

  /** Makes room for one more, at the cost of the oldest that `isEmpty`. */
  open(room: string, isEmpty: (room: string) => boolean): void {
    if (this.#rooms.has(room)) return;
    if (this.#rooms.size >= MAX_ROOMS) {
      const old = this.rooms.find((it) => !ROOMS.includes(it) && isEmpty(it));
      if (old === undefined) {
        throw new SocketError("FULL", `There are ${MAX_ROOMS} rooms already`);
      }
      this.#rooms.delete(old);
    }
    this.#rooms.set(room, []);
  }

  add(message: Message): void {
    const messages = this.messages(message.room);
    messages.push(message);
    if (messages.length > MAX_MESSAGES) messages.shift();
  }
}
