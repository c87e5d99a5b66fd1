/**
 * Checks the deadlines of all connections together: a timer for each connection would cost too much, and a long timer
 * fires at once (setTimeout takes 31 bits).
 *
 * @module
 */
import { CloseCode } from "../wire/close_codes.ts";
import { unref } from "../shared/timers.ts";
import type { Session } from "./connection/session.ts";

/**
 * The host of a node that may be taken out of memory while its sockets stay open. The node then starts no timer that
 * would keep it in memory.
 */
export interface SleepHost {
  /** The node's id, the same in each life of the node. */
  readonly nodeId: string;
  /** Schedules a call of `sweep` at that time or a little later. The earliest of all calls counts. */
  wakeAt(time: number): void;
}

/** What the sweep needs of its server. */
export interface SweepHost {
  readonly sessions: ReadonlyMap<string, Session>;
  readonly settings: { readonly heartbeatTimeoutMs: number };
}

/** Checks the deadlines, by a timer of its own or when its host calls. */
export class Sweep {
  readonly #server: SweepHost;
  readonly #host: SleepHost | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sweptAt = 0;

  constructor(server: SweepHost, host: SleepHost | undefined) {
    this.#server = server;
    this.#host = host;
  }

  /** Watches a connection that is new, or whose login now expires at another time. */
  watch({ expiresAt = Infinity }: Session): void {
    if (!this.#host) this.#timer ??= this.#start();
    else this.#host.wakeAt(Math.min(expiresAt, this.#patience()));
  }

  /** Stops the timer: there are no connections left. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Checks now, and asks the host to be called for the next check. */
  wake(): void {
    const now = Date.now();
    // Not at the first moment that a connection could time out: that would be twice as many wake-ups.
    let next = this.#patience();
    for (const session of this.#server.sessions.values()) {
      session.seenAt = Math.max(
        session.seenAt,
        session.socket.answeredAt?.() ?? 0,
      );
      this.#look(session, now);
      if (!session.over) next = Math.min(next, session.expiresAt ?? Infinity);
    }
    if (this.#server.sessions.size > 0) this.#host?.wakeAt(next);
  }

  #patience(): number {
    return Date.now() + this.#server.settings.heartbeatTimeoutMs;
  }

  #start(): ReturnType<typeof setInterval> {
    const { heartbeatTimeoutMs } = this.#server.settings;
    const everyMs = Math.min(1_000, heartbeatTimeoutMs / 4);
    this.#sweptAt = Date.now();
    return unref(setInterval(() => {
      const now = Date.now();
      // While this process was paused it received nothing, and a clock that was set says nothing about silence.
      const leap = Math.max(0, now - this.#sweptAt - everyMs);
      this.#sweptAt = now;
      for (const session of this.#server.sessions.values()) {
        session.seenAt = Math.min(now, session.seenAt + leap);
        this.#look(session, now);
      }
    }, everyMs));
  }

  #look(session: Session, now: number): void {
    const { heartbeatTimeoutMs } = this.#server.settings;
    if (now - session.seenAt > heartbeatTimeoutMs) {
      session.end(
        CloseCode.heartbeatLost,
        `nothing came for heartbeatTimeoutMs ${heartbeatTimeoutMs}`,
      );
    } else if (session.expiresAt !== undefined && session.expiresAt <= now) {
      session.end(CloseCode.expired, "the login has expired");
    } else {
      session.drained();
    }
  }
}
