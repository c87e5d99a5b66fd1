/**
 * Measures how many bytes a peer has not read, on a runtime that does not report how many are waiting: sends the peer a
 * request that it does not know, and waits for its answer.
 *
 * @module
 */
import { plainFrame } from "../../wire/protocol.ts";
import type { Data } from "../../wire/bytes.ts";

/** How many bytes are sent before a peer is asked. Less counts as read. */
const ASK_EVERY = 65_536;
/** No application request has this id: their ids start at 1. */
const ID = Number.MAX_SAFE_INTEGER;
const QUESTION = plainFrame("req", ID, "");
/** This cannot occur inside a JSON string, where its quotes would be escaped. */
const ANSWERS = [`["err",${ID},`, `["res",${ID},`];

const latin1 = new TextDecoder("latin1");

/** The bytes of one connection. */
export class Unread {
  #sent = 0;
  #read = 0;
  /** How many bytes were sent before the open request. */
  #asked: number | undefined;

  /** How many bytes are unread; `undefined` while there are too few to ask. */
  get bytes(): number | undefined {
    return this.#asked === undefined ? undefined : this.#sent - this.#read;
  }

  /**
   * Counts sent bytes.
   *
   * @returns The request to send next, if one is due
   */
  sent(data: Data): string | undefined {
    this.#sent += data.length;
    return this.#ask();
  }

  /**
   * Looks for the answer in a message.
   *
   * @returns The next request to send, if one is due, and whether the message contained nothing else; `undefined`
   * without an answer
   */
  answered(
    message: string | ArrayBuffer,
  ): { readonly next: string | undefined; readonly only: boolean } | undefined {
    if (this.#asked === undefined) return undefined;
    const text = typeof message === "string" ? message : latin1.decode(message);
    const answer = ANSWERS.find((it) => text.includes(it));
    if (answer === undefined) return undefined;
    this.#read = this.#asked;
    this.#asked = undefined;
    const only = text.startsWith(answer) && !text.includes("\n");
    return { next: this.#ask(), only };
  }

  #ask(): string | undefined {
    if (this.#asked !== undefined || this.#sent - this.#read < ASK_EVERY) {
      return undefined;
    }
    this.#asked = this.#sent;
    return QUESTION;
  }
}
