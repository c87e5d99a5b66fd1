/**
 * Messages between nodes: a tag and fields, as text, on the channel of one node or of all.
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
 * Handles the messages of one tag.
 *
 * @param message The fields
 * @param from The sending node
 * @throws {TypeError} If the message is invalid: it is refused and counted
 */
export type MessageListener = (message: Fields, from: string) => void;

/** Sends messages to other nodes, and dispatches received ones by their tag. */
export class NodeMessages {
  readonly #host: ClusterHost;
  readonly #listeners = new Map<string, MessageListener>();

  constructor(host: ClusterHost) {
    this.#host = host;
  }

  /** Sets the handler of a tag. */
  on(tag: string, listener: MessageListener): void {
    this.#listeners.set(tag, listener);
  }

  /**
   * Sends a message.
   *
   * @param to The node; all others if `undefined`
   * @throws {RangeError} If the message is larger than the adapter's limit
   */
  send(to: string | undefined, message: string): void {
    const channel = to === undefined ? NODES : nodeChannel(to);
    this.#host.hub.emit(channel, message);
  }

  /** Starts to receive messages to this node and to all nodes. */
  async receive(): Promise<Joined> {
    const channels = [nodeChannel(this.#host.nodeId), NODES];
    const joined = channels.map((channel) =>
      this.#host.hub.listen(channel, ({ fields, nodeId }) => {
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
      this.#host.hub.refuse(channel, String(error));
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

// --- A client's frame inside a message: text frames as arrays, binary ones as fields and a payload in base64 ---------

/** Encodes a frame for a message, as JSON. */
export function frameToJson(frame: Frame): string {
  if (typeof frame === "string") return frame;
  const [outcome] = read(frame);
  if (!outcome?.ok) throw new TypeError(outcome?.flaw);
  return fieldsToJson(outcome.fields);
}

/** As {@linkcode frameToJson}, for a frame that was parsed. */
export function fieldsToJson(fields: Fields): string {
  const payload = fields.at(-1);
  return JSON.stringify(
    payload instanceof Uint8Array
      ? { fields: fields.slice(0, -1), payload: toBase64(payload) }
      : fields,
  );
}

/** Decodes a frame from a message, with the payload last. Returns `undefined` for anything else. */
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

/** The length of one part of a list, in UTF-16 units. A longer item is a part of its own. */
const PART_LENGTH = 65_536;

/** Divides a list of JSON texts into parts that fit into a message; at least one. */
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
