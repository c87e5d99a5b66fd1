/**
 * What a client answers when the server asks.
 *
 * @module
 */
import { isForCaller, SocketError } from "../wire/errors.ts";
import type { Fields, Frame } from "../wire/protocol.ts";

/** Answers one question. */
export type Answerer = (
  input: unknown,
  call: {
    readonly signal: AbortSignal;
    error(code: string, data: unknown, message?: string): SocketError;
  },
) => unknown;

/** Makes a frame that the server takes, of its first fields, its name for errors, and a payload. */
export type Encode = (fields: Fields, name: string, payload: unknown) => Frame;

/** The answers of one client. */
export class Answers {
  readonly #encode: Encode;
  readonly #send: (frame: Frame) => void;
  readonly #report: (error: unknown) => void;
  readonly #answerers = new Map<string, Answerer>();
  readonly #open = new Map<unknown, AbortController>();

  constructor(
    encode: Encode,
    send: (frame: Frame) => void,
    report: (error: unknown) => void,
  ) {
    this.#encode = encode;
    this.#send = send;
    this.#report = report;
  }

  /** Answers a question from now on. */
  set(name: string, answerer: Answerer): void {
    this.#answerers.set(name, answerer);
  }

  /** Answers one that came. Nothing is sent for one that was cancelled, or whose connection is over. */
  async answer(id: unknown, name: string, raw: unknown): Promise<void> {
    const call = new AbortController();
    this.#open.set(id, call);
    let frame: Frame;
    try {
      const answerer = this.#answerers.get(name);
      if (!answerer) throw new SocketError("NOT_FOUND");
      frame = this.#encode(
        ["res", id],
        name,
        await answerer(raw, {
          signal: call.signal,
          error: (code, data, message) => new SocketError(code, message, data),
        }),
      );
    } catch (error) {
      const known = isForCaller(error);
      if (!known) this.#report(error);
      const { code, message, data } = known
        ? error
        : new SocketError("INTERNAL");
      frame = this.#encode(["err", id, code, message], name, data);
    }
    if (this.#open.get(id) !== call) return;
    this.#open.delete(id);
    this.#send(frame);
  }

  /** The server waits no longer. */
  cancel(id: unknown): void {
    this.#open.get(id)?.abort();
    this.#open.delete(id);
  }

  /** The connection is over. */
  end(): void {
    for (const id of this.#open.keys()) this.cancel(id);
  }
}
