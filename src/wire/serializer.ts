/**
 * How payloads become text or bytes.
 *
 * @module
 */

/**
 * A codec for payloads, given once, in the contract, so that both ends have it. Frames around the payloads stay JSON.
 *
 * @example Payloads as MessagePack
 * ```ts
 * import { decode, encode } from "@msgpack/msgpack";
 * import type { Serializer } from "@super-line/edge";
 *
 * export const msgpack: Serializer = {
 *   name: "msgpack",
 *   encode: (value) => encode(value),
 *   decode: (data) => decode(data as Uint8Array),
 * };
 * ```
 */
export interface Serializer {
  /** Compared when a client connects: both ends must have the same. */
  readonly name: string;
  /** Makes text or bytes of a payload, always the one or always the other. Zero bytes mean "no payload". */
  encode(value: unknown): string | Uint8Array;
  /** Reverses `encode`; gets what `encode` made. What it throws is answered with `VALIDATION`. */
  decode(data: string | Uint8Array): unknown;
}

/** The name of the built-in serializer: payloads stand in the frame as JSON. */
export const JSON_NAME = "json";
