/**
 * The post of a node: letters to other nodes and from them, on the channel of each.
 *
 * @module
 */
import { nodeChannel } from "../fanout/channels.ts";
import type { Core } from "../context.ts";
import {
  lengthOf,
  type Letter,
  readLetters,
  writeLetter,
} from "./node_message.ts";
import type { Fields, Frame } from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";

/** Takes the letters of one tag. */
export type Taker = (letter: Letter) => void;

/** Sends letters, and sorts those that come by their tag. */
export class Post {
  readonly #core: Core;
  readonly #takers = new Map<string, Taker>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Takes the letters of a tag. */
  on(tag: string, taker: Taker): void {
    this.#takers.set(tag, taker);
  }

  /** Sends a letter to one node. */
  send(nodeId: string, head: Fields, body?: Frame): void {
    this.sendOn(nodeChannel(nodeId), head, body);
  }

  /** Sends a letter to all nodes that hear a channel. */
  sendOn(channel: string, head: Fields, body?: Frame): void {
    this.#core.hub.emit(channel, writeLetter(head, body), lengthOf(body));
  }

  /** Hears a channel of letters from now on. */
  hear(channel: string): Promise<Joined> {
    return this.#core.hub.listen(channel, (frames) => this.#take(frames), true)
      .ready;
  }

  #take(frames: Frame): void {
    try {
      for (const letter of readLetters(frames)) {
        this.#takers.get(letter.head[0])?.(letter); // other tags are of a newer node
      }
    } catch (error) {
      this.#core.report(error, { source: "adapter" });
    }
  }
}
