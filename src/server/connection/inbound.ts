/**
 * What a connection sends: read into frames, and bounded in number and in nonsense.
 *
 * @module
 */
import { CloseCode } from "../../wire/close_codes.ts";
import { countLimit } from "../stats/counters.ts";
import { Limiter } from "../../shared/token_bucket.ts";
import {
  errorFrame,
  type Fields,
  isAnswer,
  isId,
  PONG,
  read,
} from "../../wire/protocol.ts";
import type { Session } from "./session.ts";
import type { Data } from "../../wire/bytes.ts";

/** The frames whose id is the client's own. */
const HAS_ID = new Set(["req", "sub", "auth"]);

/** What one connection has sent so far. */
export class Intake {
  readonly #session: Session;
  readonly #limiter: Limiter;
  #malformedCount = 0;

  constructor(session: Session) {
    const { framesPerSecond, frameBurst, maxSubscriptions } =
      session.host.settings.limits;
    this.#session = session;
    // A client that comes back subscribes to all its topics again, at once.
    this.#limiter = new Limiter(
      framesPerSecond,
      frameBurst,
      maxSubscriptions,
      session.seenAt,
    );
  }

  /** Takes a message of one or several frames. */
  message(data: Data): void {
    const session = this.#session;
    const { counters } = session.host;
    for (const frame of read(data)) {
      if (session.over) return;
      counters.framesIn++;
      if (!frame.ok) {
        this.#malformed(frame.flaw);
        continue;
      }
      const { fields } = frame;
      const { questions } = session;
      if (isAnswer(fields) && questions?.expects(fields[1])) {
        questions.answer(fields); // asked for, so no flood
        continue;
      }
      const verdict = this.#limiter.take(session.seenAt);
      if (verdict === "overdrawn") return this.#endFlood();
      // What gives something back is never refused: its sender is not told, and takes it for done.
      if (verdict === "ok" || fields[0] === "cancel" || fields[0] === "unsub") {
        const flaw = session.host.dispatch(session, fields);
        if (flaw !== undefined) this.#malformed(flaw);
      } else this.#refuse(fields);
    }
  }

  /** Answers a heartbeat. */
  ping(): void {
    const { seenAt, socket } = this.#session;
    // Past the outbox: the heartbeat is a whole message, and no promise of order holds for it.
    if (this.#limiter.take(seenAt) !== "overdrawn") socket.send(PONG);
    else this.#endFlood();
  }

  /** Answers what is no frame, and closes on the tenth. */
  #malformed(flaw: string): void {
    const session = this.#session;
    const { counters, settings, codec } = session.host;
    counters.malformed++;
    if (++this.#malformedCount >= settings.limits.maxMalformed) {
      return session.end(
        CloseCode.policy,
        `${this.#malformedCount} malformed frames came, must be fewer than maxMalformed`,
      );
    }
    session.outbox.reply(errorFrame(codec, 0, "BAD_REQUEST", flaw));
  }

  #refuse([tag, id]: Fields): void {
    const { host, outbox } = this.#session;
    const { counters, codec, settings } = host;
    countLimit(counters, "framesPerSecond");
    const message =
      `More than framesPerSecond ${settings.limits.framesPerSecond} frames came, must be fewer`;
    const call = HAS_ID.has(tag) && isId(id) ? id : 0;
    outbox.reply(errorFrame(codec, call, "RATE_LIMITED", message));
  }

  #endFlood(): void {
    const { counters, settings } = this.#session.host;
    countLimit(counters, "framesPerSecond");
    this.#session.end(
      CloseCode.policy,
      `more than framesPerSecond ${settings.limits.framesPerSecond} frames came for too long`,
    );
  }
}
