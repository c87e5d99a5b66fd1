/**
 * The frames of kept topics: stored without a position, and given one by each node that delivers them.
 *
 * @module
 */
import { fromBase64, toBase64 } from "../../wire/bytes.ts";
import type { Position } from "../../wire/position.ts";
import { blockFrame, type Frame, read } from "../../wire/protocol.ts";
import { readTopic } from "../../contract/params.ts";

/** The payload that a log stores for a frame without a position. */
export function storedFrame(frame: Frame): string {
  return typeof frame === "string" ? frame : `b${toBase64(frame)}`;
}

/** Makes and reads the frames of one channel. */
export class TopicFrames {
  /** The topic as it stands in frames: `["order",{"id":"42"}]`. */
  readonly text: string;
  readonly #head: string;

  /** @param text The topic's element in a frame, an array */
  constructor(text: string) {
    this.text = text;
    this.#head = `["pub",${text.slice(0, -1)}`;
  }

  /**
   * Makes the frame of a stored message.
   *
   * @returns `undefined` for a payload that no node of this contract has written
   */
  delivered(payload: string, position: Position): Frame | undefined {
    const bytes = payload.startsWith("b")
      ? fromBase64(payload.slice(1))
      : undefined;
    const stored = bytes ?? payload;
    const [outcome, more] = read(stored);
    if (!outcome?.ok || more || outcome.fields[0] !== "pub") return undefined;
    const head = `${this.#head},"${position}"]`;
    if (!bytes) {
      if (!payload.startsWith(`${this.#head}]`)) return undefined;
      return head + payload.slice(this.#head.length + 1);
    }
    const [, element, data] = outcome.fields;
    const topic = readTopic(element);
    if (!topic?.long || !(data instanceof Uint8Array)) return undefined;
    return blockFrame(`${head}]`, data);
  }

  /** The topic's element with a position. */
  at(position: Position): string {
    return `${this.text.slice(0, -1)},"${position}"]`;
  }

  /** A frame of the protocol's own about the topic. */
  plain(tag: string, position: Position): string {
    return `["${tag}",${this.at(position)}]`;
  }
}
