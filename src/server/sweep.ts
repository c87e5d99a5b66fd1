/**
 * The deadlines of all connections, in one look at all of them: a long timer fires at once (setTimeout takes 31 bits),
 * and one a connection costs.
 *
 * @module
 */
import { CloseCode } from "../wire/close_codes.ts";
import { unref } from "../shared/timers.ts";
import type { Session } from "./connection/session.ts";

/** What a runtime that may put a node to sleep under its live sockets gives it; it then starts no timer that would keep it awake. */
export interface SleepHost {
  /** The node's id: the same after every sleep. */
  readonly nodeId: string;
  /** Sees to it that `Server.sweep` is called at that time or a little later; the earliest of all calls counts. */
  wakeAt(time: number): void;
}

/** What the sweep needs of its server. */
export interface SweepHost {
  readonly sessions: ReadonlyMap<string, Session>;
  readonly settings: { readonly heartbeatTimeoutMs: number };
}

/** Looks at the deadlines, by a timer of its own or whenever its host says so. */
export class Sweep {
  readonly #server: SweepHost;
  readonly #host: SleepHost | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #sweptAt = 0;

  constructor(server: SweepHost, host: SleepHost | undefined) {
    this.#server = server;
    this.#host = host;
  }

  /** Looks after a connection that is new, or whose login ends at another time now. */
  watch({ expiresAt = Infinity }: Session): void {
    if (!this.#host) this.#timer ??= this.#start();
    else this.#host.wakeAt(Math.min(expiresAt, this.#patience()));
  }

  /** Nobody is left to look after. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks now, and asks the host to be woken for the next look. */
  wake(): void {
    const now = Date.now();
    // Not at the first moment that anybody could be late: that would be twice as many wake-ups.
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
      // While this process was paused nobody could be heard, and a clock that was set says nothing about anybody.
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
