/** Rooms by hand, for runtimes without native ones: a loop that sends. */
import { frame, type Payload } from "./target.ts";

interface Sink {
  send(text: string): unknown;
}

/** Sets of sockets by name. */
export class Rooms<Conn extends Sink> {
  readonly #rooms = new Map<string, Set<Conn>>();
  /** What this turn sends, joined by hand for each room. */
  readonly #waiting = new Map<string, string[]>();

  readonly join = (conn: Conn, room: string): void => {
    let members = this.#rooms.get(room);
    if (!members) this.#rooms.set(room, members = new Set());
    members.add(conn);
  };

  readonly leave = (conn: Conn, room: string): void => {
    const members = this.#rooms.get(room);
    members?.delete(conn);
    if (members?.size === 0) this.#rooms.delete(room);
  };

  /** One message each. */
  readonly plain = {
    join: this.join,
    leave: this.leave,
    publish: (room: string, payload: Payload): void => {
      this.#send(room, frame(payload));
    },
  };

  /** A room's messages of one turn as one. */
  readonly batched = {
    join: this.join,
    leave: this.leave,
    publish: (room: string, payload: Payload): void => {
      const waiting = this.#waiting.get(room);
      if (waiting) waiting.push(frame(payload));
      else this.#waiting.set(room, [frame(payload)]);
    },
    endTurn: (): void => {
      for (const [room, texts] of this.#waiting) {
        this.#send(room, texts.join("\n"));
      }
      this.#waiting.clear();
    },
  };

  #send(room: string, text: string): void {
    for (const conn of this.#rooms.get(room) ?? []) conn.send(text);
  }
}
