/**
 * What a name may be: of roles, entries and rooms.
 *
 * @module
 */
import { utf8 } from "../wire/bytes.ts";

/** The longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 256;

/**
 * Says what is wrong with a name.
 *
 * @param name The name to check
 * @param maxBytes How long it may be
 * @returns `undefined` for a good name, else the state found, to be put into an error
 */
export function nameFlaw(
  name: string,
  maxBytes: number = MAX_NAME_BYTES,
): string | undefined {
  if (name === "") return "it is empty";
  // A lone surrogate becomes U+FFFD in UTF-8, so two names would meet in one channel.
  if (!name.isWellFormed()) return "it holds a lone surrogate";
  if (name.length * 3 <= maxBytes) return undefined;
  const bytes = utf8(name).length;
  return bytes <= maxBytes ? undefined : `it has ${bytes} bytes of UTF-8`;
}

/** The rule that {@linkcode nameFlaw} checks, in words. */
export const NAME_RULE: string =
  `well-formed Unicode of 1 to ${MAX_NAME_BYTES} bytes`;

/** Puts a name into an error: quoted, and cut when it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
