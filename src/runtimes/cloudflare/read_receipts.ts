/**
 * How many bytes a peer has not read, where the runtime does not tell how many wait: the peer is asked a question that it
 * has no answer to, and answers it when it has read so far.
 *
 * @module
 */
import { plainFrame } from "../../wire/protocol.ts";
import type { Data } from "../../wire/bytes.ts";

/** How much is sent until a peer is asked: what is less counts as read. */
const ASK_EVERY = 65_536;
/** No question of an application's has this id: theirs count from 1. */
const ID = Number.MAX_SAFE_INTEGER;
const QUESTION = plainFrame("req", ID, "");
/** Inside of a text in JSON it cannot be: its quotes would be escaped. */
const ANSWERS = [`["err",${ID},`, `["res",${ID},`];

const latin1 = new TextDecoder("latin1");

/** The bytes of one connection. */
export class Unread {
  #sent = 0;
  #read = 0;
  /** How many were sent before the question that is open. */
  #asked: number | undefined;

  /** How many are not read; `undefined` while they are too few to ask. */
  get bytes(): number | undefined {
    return this.#asked === undefined ? undefined : this.#sent - this.#read;
  }

  /**
   * Counts what is sent.
   *
   * @returns The question to send after it, when one is due
   */
  sent(data: Data): string | undefined {
    this.#sent += data.length;
    return this.#ask();
  }

  /**
   * Looks for the answer in a message.
   *
   * @returns The next question to send, if one is due, and whether the message was nothing else; `undefined` without one
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
