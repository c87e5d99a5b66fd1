// Where the notes are kept: in memory for one node, in Redis for several.
import { RedisClient } from "bun";
import { type Note, note } from "./api.ts";

const MAX_NOTES = 200;
const KEY = "react-board:notes";

/** A place for notes. */
export interface Notes {
  all(): Promise<Note[]>;
  put(note: Note): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Notes that end with the process. */
export function notesInMemory(): Notes {
  const notes = new Map<string, Note>();
  return {
    all: () => Promise.resolve([...notes.values()]),
    put(note) {
      notes.delete(note.id);
      notes.set(note.id, note);
      const [oldest] = notes.keys();
      if (notes.size > MAX_NOTES && oldest) notes.delete(oldest);
      return Promise.resolve();
    },
    remove: (id) => Promise.resolve(void notes.delete(id)),
  };
}

/** Notes that all nodes share. */
export function notesInRedis(url: string): Notes & { close(): void } {
  const redis = new RedisClient(url);
  return {
    async all() {
      const found = Object.values(await redis.hgetall(KEY));
      return found.map((text) => note.parse(JSON.parse(text)));
    },
    async put(note) {
      await redis.hset(KEY, note.id, JSON.stringify(note));
    },
    async remove(id) {
      await redis.hdel(KEY, id);
    },
    close: () => redis.close(),
  };
}
