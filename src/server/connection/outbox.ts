/**
 * What one connection still has to be sent: the frames of one turn leave as one message, and a slow reader costs
 * bounded memory.
 *
 * @module
 */
import { Batch } from "../../wire/batch.ts";
import { CloseCode } from "../../wire/close_codes.ts";
import { type Frame, plainFrame } from "../../wire/protocol.ts";
import type { Socket } from "../../seams/socket.ts";
import type { FlushQueue } from "./flush_queue.ts";

/** What happens to a peer that reads too slowly. */
export interface Backpressure {
  /**
   * The most bytes that may wait for one connection.
   *
   * @default {1_048_576}
   */
  readonly maxBufferedBytes?: number;
  /**
   * What is done past that: events and topics are dropped, counted and told by `gap`, or the connection closes with
   * 1013. Replies are never dropped.
   *
   * @default {"drop"}
   */
  readonly onExceed?: "drop" | "close";
}

/** What an outbox needs of its connection. */
export interface OutboxOwner {
  /** The socket to write to. */
  readonly socket: Socket;
  /** Ends the connection. */
  end(code: number, reason: string): void;
  /** Frames were written. */
  wrote(frames: number): void;
  /** Frames were dropped. */
  dropped(frames: number): void;
  /** The reader does not keep up. */
  stalled(): void;
}

/** The frames that wait for one connection. */
export class Outbox {
  readonly #owner: OutboxOwner;
  readonly #turn: FlushQueue;
  readonly #limit: Required<Backpressure>;
  /** What waits last, and still takes frames. */
  #last: Batch | undefined;
  /** What waits before it, in order. */
  #full: Batch[] | undefined;
  /** The length of all of them. */
  #length = 0;
  /** Whether the turn's end is already asked for. */
  #listed = false;
  /** `held`: nothing is written, since the connection is not ready or its reader is too slow. */
  #state: "held" | "flowing" | "over" = "held";
  #missed = 0;
  #handedOver: (() => void)[] | undefined;

  constructor(
    owner: OutboxOwner,
    turn: FlushQueue,
    limit: Required<Backpressure>,
  ) {
    this.#owner = owner;
    this.#turn = turn;
    this.#limit = limit;
  }

  /** Whether all that was pushed has been written. */
  get empty(): boolean {
    return this.#last === undefined;
  }

  /** Whether what is pushed waits for more than the turn's end. */
  get held(): boolean {
    return this.#state === "held";
  }

  /** Writes the first frame, if there is one, before all that was pushed so far, which follows. */
  open(hello?: string): void {
    if (this.#state !== "held") return;
    if (hello !== undefined) {
      this.#owner.wrote(1);
      this.#owner.socket.send(hello);
    }
    this.#resume();
  }

  /**
   * Takes an event's or a topic's message; drops it when too much waits.
   *
   * @param frame One frame, or several already joined
   * @param count How many
   */
  push(frame: Frame, count = 1): void {
    if (
      this.#state === "held" && this.#unsent() > this.#limit.maxBufferedBytes
    ) {
      if (this.#limit.onExceed === "close") return this.#overload();
      this.#missed += count;
      return this.#owner.dropped(count);
    }
    this.#reportGap();
    this.#append(frame, count);
  }

  /**
   * As `push`, for frames that many outboxes get: those that have nothing else to send hold one batch, joined once.
   *
   * @param batch What the frame was just added to, as its first or last
   */
  share(batch: Batch, frame: Frame, count: number): void {
    const last = this.#last;
    if (last === batch) {
      this.#length += frame.length;
    } else if (
      this.#state === "flowing" && !last && batch.frames === count
    ) {
      this.#length += frame.length;
      this.#last = batch;
      this.#list();
    } else {
      this.push(frame, count);
    }
  }

  /**
   * Takes a reply, which is never dropped.
   *
   * @param frame One frame
   * @param handedOver Called once: when it waits for the reader no more, or the connection is over
   */
  reply(frame: Frame, handedOver?: () => void): void {
    this.#append(frame, 1);
    if (this.#state !== "held") return handedOver?.();
    if (handedOver) (this.#handedOver ??= []).push(handedOver);
    if (this.#unsent() > 4 * this.#limit.maxBufferedBytes) this.#overload();
  }

  /** Calls back, while it is held, once it waits for the reader no more, or the connection is over. */
  onceReleased(fn: () => void): void {
    (this.#handedOver ??= []).push(fn);
  }

  /** Writes what waits, as far as the reader keeps up. */
  flush(): void {
    this.#listed = false;
    this.#write();
  }

  /** Writes until nothing waits, or the last one does. */
  #write(keepLast = false): void {
    while (
      this.#state === "flowing" && (keepLast ? this.#full : this.#last)
    ) {
      if ((this.#owner.socket.buffered() ?? 0) > this.#limit.maxBufferedBytes) {
        this.#state = "held";
        this.#last?.close(); // a shared one must not grow here uncounted
        return this.#owner.stalled();
      }
      this.#writeNext();
    }
  }

  /** Looks again whether the reader keeps up, and tells it what it missed. */
  drained(): void {
    const { socket } = this.#owner;
    if (
      this.#state === "held" &&
      (socket.buffered() ?? 0) <= this.#limit.maxBufferedBytes / 2
    ) this.#resume();
  }

  /** Writes all that waits, whatever the reader does, and takes nothing more. */
  close(): void {
    if (this.#state === "over") return;
    while (this.#last) this.#writeNext();
    this.discard();
  }

  /** Forgets what waits, and takes nothing more. */
  discard(): void {
    this.#state = "over";
    this.#last = this.#full = undefined;
    this.#length = 0;
    this.#release();
  }

  #append(frame: Frame, count: number): void {
    if (this.#state === "over") return;
    this.#length += frame.length;
    if (this.#last?.shared) {
      this.#last = new Batch(this.#last.data, this.#last.frames);
    }
    if (this.#last?.add(frame, count)) return;
    if (this.#last) (this.#full ??= []).push(this.#last);
    this.#last = new Batch(frame, count);
    if (this.#state === "held") return;
    this.#write(true); // the one before is full: no use in waiting
    this.#list();
  }

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.#turn.add(this, this.#owner.socket);
  }

  #writeNext(): void {
    const batch = this.#full?.shift() ?? this.#last;
    if (!batch) return;
    if (this.#full?.length === 0) this.#full = undefined;
    if (batch === this.#last) this.#last = undefined;
    this.#length -= batch.length;
    this.#owner.wrote(batch.frames);
    this.#owner.socket.send(batch.join());
  }

  #resume(): void {
    this.#reportGap();
    this.#state = "flowing";
    this.flush();
    if (this.#state === "flowing") this.#release();
  }

  /** Says what is missing, where it is missing. */
  #reportGap(): void {
    if (this.#missed === 0) return;
    this.#append(plainFrame("gap", { dropped: this.#missed }), 1);
    this.#missed = 0;
  }

  #release(): void {
    const handedOver = this.#handedOver;
    this.#handedOver = undefined;
    for (const done of handedOver ?? []) done();
  }

  #unsent(): number {
    return this.#length + (this.#owner.socket.buffered() ?? 0);
  }

  #overload(): void {
    this.discard(); // what waits for such a reader is given up, so that the close gets through
    this.#owner.end(
      CloseCode.overload,
      `more than maxBufferedBytes ${this.#limit.maxBufferedBytes} wait for the reader`,
    );
  }
}
