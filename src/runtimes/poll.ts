/**
 * Polls sockets whose runtime does not report when bytes were written.
 *
 * @module
 */
import { unref } from "../shared/timers.ts";

/** The poll interval, in milliseconds. */
const EVERY_MS = 50;

/** A socket that can be polled. */
export interface Polled {
  /** Returns how many bytes are waiting. */
  buffered(): number;
  /** Called at every poll while bytes are waiting, and once when none are. */
  drained(): void;
}

/** The polled sockets. */
export interface Poll {
  /** Polls a socket until no bytes are waiting. */
  watch(socket: Polled): void;
  /** Stops polling a socket. */
  forget(socket: Polled): void;
}

/** Creates a poll. Its timer runs only while there are sockets to poll. */
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
