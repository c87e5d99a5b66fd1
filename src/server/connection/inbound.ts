/**
 * The frames that a connection sends: parses them, and enforces rate limits.
 *
 * @module
 */
import { CloseCode } from "../../wire/close_codes.ts";
import { type CallLimit, countLimit } from "../stats/counters.ts";
import { isDeeper } from "../../wire/depth.ts";
import { TokenBucket } from "../../shared/token_bucket.ts";
import {
  errorFrame,
  type Fields,
  type Inspect,
  isAnswer,
  isId,
  PING,
  PONG,
  read,
} from "../../wire/protocol.ts";
import type { Session } from "./session.ts";
import type { Data } from "../../wire/bytes.ts";

/** The frames that carry an id of the client. */
const HAS_ID = new Set(["req", "sub", "auth"]);
/** The start of a frame with such an id; the rest need not be parsed to find it. */
const CALL_HEAD = /^\["(?:req|sub|auth)",(\d{1,16}),/;

/** What one connection has sent so far. */
export class Inbound {
  readonly #session: Session;
  readonly #limiter: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #inspect: Inspect;
  #malformedCount = 0;

  constructor(session: Session) {
    const {
      framesPerSecond,
      frameBurst,
      bytesPerSecond,
      maxMessageBytes,
      maxSubscriptions,
      maxDepth,
    } = session.host.settings.limits;
    this.#session = session;
    const byteBurst = Math.max(bytesPerSecond, 4 * maxMessageBytes);
    this.#bytes = new TokenBucket(bytesPerSecond, byteBurst, 0, session.seenAt);
    this.#inspect = (text) => {
      if (!isDeeper(text, maxDepth + 1)) return undefined; // a frame is an array around its payload
      countLimit(session.host.counters, "maxDepth");
      const flaw =
        `Cannot read a frame: its payload is nested deeper than maxDepth ${maxDepth}, must be less deep`;
      const id = Number(CALL_HEAD.exec(text.slice(0, 32))?.[1]);
      return { ok: false, flaw, ...(isId(id) && { id }) };
    };
    // After a reconnect a client subscribes to all its topics at once.
    this.#limiter = new TokenBucket(
      framesPerSecond,
      frameBurst,
      maxSubscriptions,
      session.seenAt,
    );
  }

  /** Handles a message of one or several frames. */
  message(data: Data): void {
    const session = this.#session;
    const { counters } = session.host;
    let bytes: ReturnType<TokenBucket["take"]> | undefined;
    for (const frame of read(data, this.#inspect)) {
      if (session.over) return;
      counters.framesIn++;
      if (!frame.ok && frame.id === undefined) {
        this.#malformed(frame.flaw);
        continue;
      }
      if (!frame.ok) {
        if (this.#limiter.take(session.seenAt) === "overdrawn") {
          return this.#endFlood("framesPerSecond");
        }
        const { codec } = session.host;
        const { id = 0, flaw } = frame;
        session.outbox.reply(errorFrame(codec, id, "BAD_REQUEST", flaw));
        continue;
      }
      const { fields } = frame;
      const { requests } = session;
      if (isAnswer(fields) && requests?.expects(fields[1])) {
        requests.answer(fields); // an answer was requested, so it does not count against the limits
        continue;
      }
      if (fields[0] === "more") {
        // No more of these than items were sent, so no flood either.
        const call = session.calls.get(fields[1] as number); // a Map takes any key
        if (call?.more) {
          const flaw = call.more(fields[2]);
          if (flaw !== undefined) this.#malformed(flaw);
          continue;
        }
      }
      bytes ??= this.#bytes.take(session.seenAt, data.length);
      if (bytes === "overdrawn") return this.#endFlood("bytesPerSecond");
      const frames = this.#limiter.take(session.seenAt);
      if (frames === "overdrawn") return this.#endFlood("framesPerSecond");
      const limit = frames !== "ok"
        ? "framesPerSecond"
        : bytes !== "ok"
        ? "bytesPerSecond"
        : undefined;
      // `cancel` and `unsub` are never refused: their sender gets no answer and relies on them.
      if (!limit || fields[0] === "cancel" || fields[0] === "unsub") {
        const flaw = session.host.dispatch(session, fields);
        if (flaw !== undefined) this.#malformed(flaw);
      } else this.#refuse(fields, limit);
    }
  }

  /** Counts a heartbeat, and answers a ping. */
  heartbeat(message: typeof PING | typeof PONG): void {
    const { seenAt, socket, host } = this.#session;
    host.counters.heartbeats++;
    if (this.#limiter.take(seenAt) === "overdrawn") {
      return this.#endFlood("framesPerSecond");
    }
    // Not through the outbox: a heartbeat is a whole message, and order does not matter. A client that has stopped
    // reading gets no answer, since answers would wait without a bound.
    const { maxBufferedBytes } = host.settings.backpressure;
    if (message === PING && (socket.buffered() ?? 0) <= maxBufferedBytes) {
      socket.send(PONG);
    }
  }

  /** Answers a malformed frame, and closes the connection when there are too many. */
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

  #refuse([tag, id]: Fields, limit: RateLimit): void {
    const { host, outbox } = this.#session;
    countLimit(host.counters, limit);
    const message = `More than ${this.#words(limit)} came, must be fewer`;
    const call = HAS_ID.has(tag) && isId(id) ? id : 0;
    outbox.reply(errorFrame(host.codec, call, "RATE_LIMITED", message));
  }

  #endFlood(limit: RateLimit): void {
    countLimit(this.#session.host.counters, limit);
    this.#session.end(
      CloseCode.policy,
      `more than ${this.#words(limit)} came for too long`,
    );
  }

  /** The limit and its unit, such as "framesPerSecond 200 frames". */
  #words(limit: RateLimit): string {
    const unit = limit === "framesPerSecond" ? "frames" : "bytes";
    return `${limit} ${this.#session.host.settings.limits[limit]} ${unit}`;
  }
}

/** The rate limits: excess frames are refused first, and continued excess closes the connection. */
type RateLimit = CallLimit & ("framesPerSecond" | "bytesPerSecond");
