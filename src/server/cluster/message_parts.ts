/**
 * Messages to other nodes and from them, on the channel of each.
 *
 * @module
 */
import { nodeChannel } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import { messageOf } from "./node_message.ts";
import type { Fields, Frame } from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";

/**
 * Takes the messages of one tag.
 *
 * @param head The message's fields
 * @param from The node that sent it
 * @throws {TypeError} For a message that it cannot take: it is refused
 */
export type Taker = (head: Fields, from: string) => void;

/** Sends messages, and hands those that come to whoever takes their tag. */
export class Post {
  readonly #core: ClusterHost;
  readonly #takers = new Map<string, Taker>();

  constructor(core: ClusterHost) {
    this.#core = core;
  }

  /** Takes the messages of a tag from now on. */
  on(tag: string, taker: Taker): void {
    this.#takers.set(tag, taker);
  }

  /** Sends a message to one node. */
  send(nodeId: string, head: Fields, frame?: Frame): void {
    this.sendOn(nodeChannel(nodeId), head, frame);
  }

  /** Sends a message to all nodes that hear a channel. */
  sendOn(channel: string, head: Fields, frame?: Frame): void {
    this.#core.hub.emit(channel, messageOf(head, frame));
  }

  /** Hears a channel of messages from now on. */
  hear(channel: string): Promise<Joined> {
    return this.#core.hub.listen(channel, ({ fields, nodeId }) => {
      for (const head of fields) this.#take(channel, head, nodeId);
    }, true).ready;
  }

  #take(channel: string, head: Fields, from: string): void {
    try {
      this.#takers.get(head[0])?.(head, from);
    } catch (error) {
      this.#core.hub.refuse(channel, String(error));
    }
  }
}
