/**
 * Saves the snapshot of a Durable Object's connection: in the socket's attachment, and what does not fit in storage.
 *
 * @module
 */
import type { ConnectionSnapshot } from "../../seams/socket.ts";
import { clonedSize } from "./cloned_size.ts";
import type { DurableSocketLike, DurableStorageLike } from "./types.ts";

/** The largest `ctx` and `data` together, in bytes: half of an attachment. */
const MAX_IDENTITY_BYTES = 8_192;
/** The longest memberships in an attachment, as JSON and in UTF-16 units, so that V8 needs at most 8 000 bytes. */
const MAX_INLINE = 3_500;
/** The length of a stored value in UTF-16 units: at most 96 KiB of UTF-8, and the limit of a value is 128 KiB. */
const CHUNK = 32_768;
/** The prefix of stored keys, which applications must not use. */
const PREFIX = "super-line/kept/";

/** The content of an attachment. */
interface Attachment extends Omit<ConnectionSnapshot, "rooms" | "topics"> {
  /** Rooms and topics as JSON, or the number of stored values that contain them. */
  readonly memberships: string | number;
}

/** Saves the state of connections with their sockets. */
export class Attachments {
  readonly #storage: DurableStorageLike;
  readonly #report: (error: unknown) => void;

  constructor(storage: DurableStorageLike, report: (error: unknown) => void) {
    this.#storage = storage;
    this.#report = report;
  }

  /** Saves a snapshot, or deletes it. `ctx` and `data` stay as they were when saved first. */
  keep(
    ws: DurableSocketLike,
    kept: ConnectionSnapshot | undefined,
  ): Error | undefined {
    try {
      const before = read(ws);
      const stored = typeof before?.memberships === "number"
        ? before.memberships
        : 0;
      let needed = 0;
      if (!kept) {
        ws.serializeAttachment(null);
      } else {
        const { rooms, topics, ...rest } = kept;
        const { ctx, data } = before ?? checked(kept);
        const text = JSON.stringify([rooms, topics]);
        if (text.length > MAX_INLINE) {
          needed = this.#store(kept.id, text);
        }
        const memberships = needed || text;
        ws.serializeAttachment({ ...rest, ctx, data, memberships });
      }
      if (before && stored > needed) this.#forget(before.id, needed, stored);
      return undefined;
    } catch (cause) {
      return cause instanceof TypeError
        ? cause
        : new TypeError("Cannot keep a connection over sleep", { cause });
    }
  }

  /** Reads the snapshots of sockets. Returns a promise if parts of them are in storage. */
  restore(
    sockets: readonly DurableSocketLike[],
    each: (ws: DurableSocketLike, kept: ConnectionSnapshot | undefined) => void,
  ): Promise<void> | undefined {
    const known = sockets.map((ws) => [ws, read(ws)] as const);
    const make = (stored: ReadonlyMap<string, unknown>) => {
      for (const [ws, attachment] of known) {
        each(ws, attachment && whole(attachment, stored));
      }
    };
    const some = known.some(([, it]) => typeof it?.memberships === "number");
    if (!some) return void make(new Map());
    return this.#storage.list({ prefix: PREFIX }).then(make);
  }

  #store(id: string, text: string): number {
    const entries: Record<string, string> = {};
    let count = 0;
    for (let at = 0; at < text.length; at += CHUNK) {
      entries[key(id, count++)] = text.slice(at, at + CHUNK);
    }
    // Not awaited: the runtime holds outgoing messages back until it is written.
    this.#storage.put(entries).catch(this.#report);
    return count;
  }

  #forget(id: string, from: number, to: number): void {
    const keys = [];
    for (let at = from; at < to; at++) keys.push(key(id, at));
    this.#storage.delete(keys).catch(this.#report);
  }
}

function key(id: string, at: number): string {
  return `${PREFIX}${id}/${at}`;
}

function read(ws: DurableSocketLike): Attachment | undefined {
  return ws.deserializeAttachment() as Attachment | null ?? undefined; // nothing else attaches to these sockets
}

function whole(
  { memberships, ...rest }: Attachment,
  stored: ReadonlyMap<string, unknown>,
): ConnectionSnapshot {
  let text = "";
  if (typeof memberships === "string") text = memberships;
  else {
    for (let at = 0; at < memberships; at++) {
      text += stored.get(key(rest.id, at));
    }
  }
  const [rooms, topics] = JSON.parse(text) as [ // `keep` wrote it
    ConnectionSnapshot["rooms"],
    ConnectionSnapshot["topics"],
  ];
  return { ...rest, rooms, topics };
}

/** @throws {TypeError} If `ctx` and `data` cannot be saved */
function checked(
  { ctx, data }: ConnectionSnapshot,
): Pick<ConnectionSnapshot, "ctx" | "data"> {
  const sizes = [["ctx", ctx], ["data", data]].map(([name, value]) => {
    try {
      return clonedSize(value);
    } catch (cause) {
      throw new TypeError(
        `Cannot keep ${name} of a connection over sleep: it cannot be cloned, must be data that structuredClone takes`,
        { cause },
      );
    }
  });
  const [ctxBytes = 0, dataBytes = 0] = sizes.map(Math.ceil);
  if (ctxBytes + dataBytes > MAX_IDENTITY_BYTES) {
    throw new TypeError(
      `Cannot keep a connection over sleep: ctx has ${ctxBytes} and data ${dataBytes} bytes, must have at most ${MAX_IDENTITY_BYTES} together`,
    );
  }
  return { ctx, data };
}
