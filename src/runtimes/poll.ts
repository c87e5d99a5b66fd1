/**
 * Looks after sockets whose runtime does not tell when bytes were written.
 *
 * @module
 */
import { unref } from "../shared/timers.ts";

/** How often to look, in milliseconds. */
const EVERY_MS = 50;

/** A socket that can be asked. */
export interface Polled {
  /** How many bytes wait. */
  buffered(): number;
  /** Called at every look while bytes wait, and once when none do. */
  drained(): void;
}

/** Sockets that are being looked at. */
export interface Poll {
  /** Looks at a socket until nothing waits any more. */
  watch(socket: Polled): void;
  /** Looks at it no more. */
  forget(socket: Polled): void;
}

/** Makes a poll; its timer runs only while there is something to look at. */
export function createPoll(): Poll {
  const sockets = new Set<Polled>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = () => {
    for (const socket of sockets) {
      if (socket.buffered() === 0) sockets.delete(socket);
      socket.drained();
    }
    stop();
  };
  const stop = () => {
    if (sockets.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    watch(socket) {
      sockets.add(socket);
      timer ??= unref(setInterval(look, EVERY_MS));
    },
    forget(socket) {
      sockets.delete(socket);
      stop();
    },
  };
}
