/**
 * Serializers: how payloads become text or bytes.
 *
 * @module
 */

/**
 * A codec for payloads. It is part of the contract, so that client and server share it. The frames around the payloads
 * stay JSON.
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
  /** The name, compared when a client connects: client and server must use the same serializer. */
  readonly name: string;
  /** Encodes a payload as text or bytes, always the same kind. Zero bytes mean "no payload". */
  encode(value: unknown): string | Uint8Array;
  /** Decodes what `encode` returned. If it throws, the call is answered with `VALIDATION`. */
  decode(data: string | Uint8Array): unknown;
}

/** The name of the built-in serializer: payloads are part of the frame's JSON. */
export const JSON_NAME = "json";
