/**
 * Messages between nodes: a tag and fields, always text, on the channel of one node or on that of all.
 *
 * @module
 */
import { fromBase64, toBase64 } from "../../wire/bytes.ts";
import { nodeChannel, NODES } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import type { Joined } from "../../wire/joined.ts";
import {
  type Fields,
  type Frame,
  plainFrame,
  read,
} from "../../wire/protocol.ts";

/**
 * Takes the messages of one tag.
 *
 * @param message Its fields
 * @param from The node that sent it
 * @throws {TypeError} For a message that it cannot take: the message is refused and counted
 */
export type MessageListener = (message: Fields, from: string) => void;

/** Sends messages to other nodes, and passes on those that come by their tag. */
export class NodeMessages {
  readonly #core: ClusterHost;
  readonly #listeners = new Map<string, MessageListener>();

  constructor(core: ClusterHost) {
    this.#core = core;
  }

  /** Takes the messages of a tag from now on. */
  on(tag: string, listener: MessageListener): void {
    this.#listeners.set(tag, listener);
  }

  /**
   * Sends a message.
   *
   * @param to The node; all others when `undefined`
   * @throws {RangeError} When it is larger than the adapter carries
   */
  send(to: string | undefined, message: string): void {
    const channel = to === undefined ? NODES : nodeChannel(to);
    this.#core.hub.emit(channel, message);
  }

  /** Starts to receive what is sent to this node, and to all. */
  async receive(): Promise<Joined> {
    const channels = [nodeChannel(this.#core.nodeId), NODES];
    const joined = channels.map((channel) =>
      this.#core.hub.listen(channel, ({ fields, nodeId }) => {
        for (const message of fields) this.#take(channel, message, nodeId);
      }, true).ready
    );
    const all = await Promise.all(joined);
    return { live: all.every(({ live }) => live) };
  }

  #take(channel: string, message: Fields, from: string): void {
    try {
      this.#listeners.get(message[0])?.(message, from);
    } catch (error) {
      this.#core.hub.refuse(channel, String(error));
    }
  }
}

/**
 * Builds a message.
 *
 * @param fields The tag and the fields before the last
 * @param last The last field, as JSON
 */
export function messageOf(fields: Fields, last?: string): string {
  const text = plainFrame(...fields);
  return last === undefined ? text : `${text.slice(0, -1)},${last}]`;
}

// --- A client's frame inside a message: an array as it is, a binary one as its fields and its payload in base64 ---

/** Puts a frame into a message, as JSON. */
export function frameToJson(frame: Frame): string {
  if (typeof frame === "string") return frame;
  const [outcome] = read(frame);
  if (!outcome?.ok) throw new TypeError(outcome?.flaw);
  return fieldsToJson(outcome.fields);
}

/** As {@linkcode frameToJson}, for a frame that was read. */
export function fieldsToJson(fields: Fields): string {
  const payload = fields.at(-1);
  return JSON.stringify(
    payload instanceof Uint8Array
      ? { fields: fields.slice(0, -1), payload: toBase64(payload) }
      : fields,
  );
}

/** Reads a frame that a message carried, the payload last; `undefined` for anything else. */
export function fieldsFromJson(value: unknown): Fields | undefined {
  if (isFields(value)) return value;
  if (typeof value !== "object" || value === null) return undefined;
  const { fields, payload } = value as { fields?: unknown; payload?: unknown }; // any object
  if (!isFields(fields) || typeof payload !== "string") return undefined;
  const bytes = fromBase64(payload);
  return bytes && [...fields, bytes];
}

function isFields(value: unknown): value is Fields {
  return Array.isArray(value) && typeof value[0] === "string";
}

// --- Lists --------------------------------------------------------------------------------------------------------

/** The length of one part of a list, in UTF-16 units; a longer item has a part of its own. */
const PART_LENGTH = 65_536;

/** Divides a list of JSON texts into parts, one at least, each of which fits into a message. */
export function inParts(items: readonly string[]): string[][] {
  let part: string[] = [];
  const parts = [part];
  let length = 0;
  for (const item of items) {
    length += item.length;
    if (length > PART_LENGTH && part.length > 0) {
      parts.push(part = []);
      length = item.length;
    }
    part.push(item);
  }
  return parts;
}
