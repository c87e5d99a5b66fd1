/**
 * The wire protocol `superline.v1`: building frames, and reading any input without throwing.
 *
 * @module
 */
import { type Data, utf8 } from "./bytes.ts";
import type { ErrorCode } from "./errors.ts";
import { JSON_NAME, type Serializer } from "./serializer.ts";

/** The WebSocket subprotocol. */
export const PROTOCOL = "superline.v1";
/** The prefix of the subprotocol that carries a token; base64url follows. */
export const TOKEN_PREFIX = "superline.token.";
/** The heartbeat. It is a whole message with a fixed text, so that a sleeping Durable Object can answer it. */
export const PING = "ping";
/** The reply to {@linkcode PING}. */
export const PONG = "pong";
/** The most frames in one WebSocket message. */
export const MAX_BATCH_FRAMES = 256;
/** The most bytes in a WebSocket message with more than one frame. */
export const MAX_BATCH_BYTES = 65_536;

/** One frame or several: text joined by line feeds, or a sequence of binary blocks. */
export type Frame = Data;

/** A frame that was read: its tag, its fields, and the encoded payload last. */
export type Fields = readonly [tag: string, ...unknown[]];

/** The outcome of reading one frame. */
export type Read = { readonly ok: true; readonly fields: Fields } | Unread;

/** A frame that could not be read. */
export interface Unread {
  readonly ok: false;
  /** Why, as a sentence. */
  readonly flaw: string;
  /** The id of the call, if a call was refused because of a limit. */
  readonly id?: number;
}

/** Checks the text of a frame before it is parsed. Returns why it must not be parsed, if so. */
export type Inspect = (text: string) => Unread | undefined;

/** Encodes payloads into frames and decodes them. */
export interface Codec {
  /** The serializer's name. */
  readonly name: string;
  /**
   * Builds a frame.
   *
   * @param fields The fields before the payload
   * @param payload The payload, `undefined` for none
   */
  frame(fields: Fields, payload: unknown): Frame;
  /** Decodes a payload as {@linkcode read} returned it. Throws if it was not encoded by this codec. */
  payload(raw: unknown): unknown;
}

/** Creates the codec of a contract. */
export function createCodec(serializer: Serializer | undefined): Codec {
  if (!serializer) return JSON_CODEC;
  return {
    name: serializer.name,
    frame(fields, payload) {
      if (payload === undefined) return plainFrame(...fields);
      const encoded = serializer.encode(payload);
      return typeof encoded === "string"
        ? plainFrame(...fields, encoded)
        : blockFrame(plainFrame(...fields), encoded);
    },
    payload(raw) {
      if (raw === undefined) return undefined;
      if (typeof raw === "string" || raw instanceof Uint8Array) {
        return serializer.decode(raw);
      }
      throw new TypeError(
        `Cannot decode a payload: it is plain JSON, must be of serializer "${serializer.name}"`,
      );
    },
  };
}

const JSON_CODEC: Codec = {
  name: JSON_NAME,
  frame(fields, payload) {
    // One array: joining texts afterwards costs Bun more than everything else (bench/README.md).
    return JSON.stringify(
      payload === undefined ? fields : [...fields, payload],
    );
  },
  payload(raw) {
    if (raw instanceof Uint8Array) {
      throw new TypeError(
        "Cannot decode a payload: it is binary, must be JSON",
      );
    }
    return raw;
  },
};

// --- Frames without an application payload: plain JSON under every serializer ---------------------------------------

/** The server's first frame. */
export interface Hello {
  /** The protocol version. */
  readonly v: 1;
  /** The connection's id. */
  readonly id: string;
  /** The role that `authenticate` returned. */
  readonly role: string;
  /** The name of the contract's serializer. */
  readonly serializer: string;
  /** How often the client should ping, in milliseconds. */
  readonly heartbeatMs: number;
  /** The largest message that the server accepts, in bytes. */
  readonly maxMessageBytes: number;
  /** The most unanswered requests. */
  readonly maxInFlight: number;
  /** The most subscriptions. */
  readonly maxSubscriptions: number;
  /** What the server can do beyond the first version; absent for a server of the first version. */
  readonly features?: readonly string[];
  /** When the login expires, in milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** What this version can do beyond the first: topics with parameters, kept topics, and streamed answers. */
export const FEATURES: readonly string[] = ["params", "log", "streams"];
/** How many items of a streamed answer may be under way that the client has not asked for again. */
export const STREAM_WINDOW = 16;

/** Builds `hi`: the connection is ready. */
export function helloFrame(hello: Hello): string {
  return JSON.stringify(["hi", hello]);
}

/** Builds a frame that has only protocol fields. */
export function plainFrame(...fields: Fields): string {
  return JSON.stringify(fields);
}

/** Builds `err`: a call failed, or with id 0 the connection had an error. */
export function errorFrame(
  codec: Codec,
  id: number,
  code: ErrorCode | (string & Record<never, never>),
  message: string,
  data?: unknown,
): Frame {
  return codec.frame(["err", id, code, message], data);
}

// --- Reading ------------------------------------------------------------------------------------------------------

/**
 * Reads one WebSocket message. Total: any input returns frames or flaws, and nothing throws.
 *
 * @param data The message
 * @param inspect Called with the JSON of each frame before it is parsed
 * @returns The outcome of each frame, in order
 */
export function read(data: Data, inspect?: Inspect): Read[] {
  if (typeof data !== "string") return readBlocks(data, inspect);
  if (!data.includes("\n")) return [readFrame(data, inspect)];
  const lines = data.split("\n", MAX_BATCH_FRAMES + 1);
  // A text has at least as many bytes as UTF-16 units, so this refuses no message that fits.
  if (lines.length > MAX_BATCH_FRAMES || data.length > MAX_BATCH_BYTES) {
    return [BATCH_FLAW];
  }
  return lines.map((line) => readFrame(line, inspect));
}

/** Tells whether a value can be the id of a call. */
export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** Tells whether a frame is a well-formed answer to a call. */
export function isAnswer([tag, id, code, message]: Fields): boolean {
  return isId(id) && (tag === "res" ||
    tag === "err" && typeof code === "string" && typeof message === "string");
}

const BATCH_FLAW: Read = {
  ok: false,
  flaw:
    `Cannot read a batch: it is too large, must be of at most ${MAX_BATCH_FRAMES} frames and ${MAX_BATCH_BYTES} bytes`,
};
const FRAME_FLAW: Read = {
  ok: false,
  flaw:
    "Cannot read a frame: it is not JSON, must be an array that starts with a tag",
};

function readFrame(text: string, inspect?: Inspect): Read {
  const refused = inspect?.(text);
  if (refused) return refused;
  try {
    const fields: unknown = JSON.parse(text);
    if (Array.isArray(fields) && typeof fields[0] === "string") {
      return { ok: true, fields: fields as [string] }; // checked above
    }
  } catch {
    // JSON.parse says where it stopped, which does not help here
  }
  return FRAME_FLAW;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function readBlocks(bytes: Uint8Array, inspect?: Inspect): Read[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Read[] = [];
  let at = 0;
  const take = (): Uint8Array | undefined => {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) return undefined;
    const part = bytes.subarray(at + 4, end);
    at = end;
    return part;
  };
  do {
    const head = take();
    const payload = head && take();
    if (!head || !payload) return [...frames, BLOCK_FLAW];
    frames.push(readBlock(head, payload, inspect));
    if (
      frames.length > 1 &&
      (frames.length > MAX_BATCH_FRAMES || bytes.length > MAX_BATCH_BYTES)
    ) return [BATCH_FLAW];
  } while (at < bytes.length);
  return frames;
}

function readBlock(
  head: Uint8Array,
  payload: Uint8Array,
  inspect?: Inspect,
): Read {
  let text: string;
  try {
    text = decoder.decode(head);
  } catch {
    return FRAME_FLAW;
  }
  const frame = readFrame(text, inspect);
  return frame.ok && payload.length > 0
    ? { ok: true, fields: [...frame.fields, payload] }
    : frame;
}

const BLOCK_FLAW: Read = {
  ok: false,
  flaw:
    "Cannot read a binary message: a length reaches past its end, must be blocks",
};

/** Builds a frame with a binary payload: `u32 length, JSON, u32 length, payload`, lengths big-endian. */
export function blockFrame(head: string, payload: Uint8Array): Uint8Array {
  const json = utf8(head);
  const bytes = new Uint8Array(8 + json.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, json.length);
  bytes.set(json, 4);
  view.setUint32(4 + json.length, payload.length);
  bytes.set(payload, 8 + json.length);
  return bytes;
}

/** Builds a frame from fields as {@linkcode read} returned them. The payload stays encoded. */
export function frameOf(fields: Fields): Frame {
  const payload = fields.at(-1);
  return payload instanceof Uint8Array
    ? blockFrame(JSON.stringify(fields.slice(0, -1)), payload)
    : JSON.stringify(fields);
}

/** Returns a request frame that was built with id 0 under another id. */
export function withId(frame: Frame, id: number): Frame {
  if (typeof frame === "string") return renumber(frame, id);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const end = 4 + view.getUint32(0);
  const head = renumber(decoder.decode(frame.subarray(4, end)), id);
  return blockFrame(head, frame.subarray(end + 4));
}

function renumber(frame: string, id: number): string {
  return `["req",${id}${frame.slice('["req",0'.length)}`;
}
