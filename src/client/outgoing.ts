/**
 * What a client still has to send.
 *
 * @module
 */
import { Batch } from "../wire/batch.ts";
import type { Frame } from "../wire/protocol.ts";

/** Frames on their way out: those of one turn leave as one message. */
export interface Outgoing {
  send(frame: Frame): void;
  /** Writes what waits now. */
  flush(): void;
  /** Forgets what waits. */
  clear(): void;
}

export function createOutgoing(write: (message: Frame) => void): Outgoing {
  const waiting: Batch[] = [];
  const flush = () => {
    for (const batch of waiting.splice(0)) write(batch.join());
  };
  const send = (frame: Frame) => {
    if (waiting.at(-1)?.add(frame, 1)) return;
    if (waiting.push(new Batch(frame, 1)) === 1) queueMicrotask(flush);
  };
  return { send, flush, clear: () => void waiting.splice(0) };
}
