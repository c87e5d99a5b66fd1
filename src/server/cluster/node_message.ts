/**
 * What one node tells another: a tag and fields, the last of which may be a client's frame.
 *
 * @module
 */
import { fromBase64, toBase64 } from "../../wire/bytes.ts";
import {
  type Fields,
  type Frame,
  plainFrame,
  read,
} from "../../wire/protocol.ts";

/**
 * Builds a message. Always text: a frame of text is an array in it, a binary one an object of its fields and its
 * payload as base64.
 *
 * @param head The tag and the fields before the frame
 * @param frame The client's frame
 */
export function messageOf(head: Fields, frame?: Frame): string {
  const text = plainFrame(...head);
  if (frame === undefined) return text;
  return `${text.slice(0, -1)},${carried(frame)}]`;
}

/** Reads the frame that a message carries: its fields, the payload last; `undefined` for what is none. */
export function carriedFrame(value: unknown): Fields | undefined {
  if (isFields(value)) return value;
  const { fields, payload } = (value ?? {}) as Partial<Binary>; // any value may have been sent
  if (!isFields(fields) || typeof payload !== "string") return undefined;
  const bytes = fromBase64(payload);
  return bytes && [...fields, bytes];
}

/** A binary frame inside a message. */
interface Binary {
  readonly fields: Fields;
  readonly payload: string;
}

function carried(frame: Frame): string {
  if (typeof frame === "string") return frame;
  const [outcome] = read(frame);
  if (!outcome?.ok) throw new TypeError(outcome?.flaw);
  const { fields } = outcome;
  const payload = fields.at(-1);
  if (!(payload instanceof Uint8Array)) return JSON.stringify(fields);
  const it: Binary = {
    fields: fields.slice(0, -1) as unknown as Fields, // the tag stays
    payload: toBase64(payload),
  };
  return JSON.stringify(it);
}

function isFields(value: unknown): value is Fields {
  return Array.isArray(value) && typeof value[0] === "string";
}
