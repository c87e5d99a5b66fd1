/**
 * The rule for names of roles, entries and rooms.
 *
 * @module
 */
import { isWellFormed } from "../shared/well_formed.ts";
import { utf8 } from "../wire/bytes.ts";

/** The longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 256;

/**
 * Checks a name.
 *
 * @param name The name
 * @param maxBytes The longest name, in bytes of UTF-8
 * @returns `undefined` for a valid name, else its flaw, for an error message
 */
export function nameFlaw(
  name: string,
  maxBytes: number = MAX_NAME_BYTES,
): string | undefined {
  if (name === "") return "it is empty";
  // In UTF-8 a lone surrogate becomes U+FFFD, so two names would share one channel.
  if (!isWellFormed(name)) return "it holds a lone surrogate";
  if (name.length * 3 <= maxBytes) return undefined;
  const bytes = utf8(name).length;
  return bytes <= maxBytes ? undefined : `it has ${bytes} bytes of UTF-8`;
}

/** The rule of {@linkcode nameFlaw}, in words. */
export const NAME_RULE: string =
  `well-formed Unicode of 1 to ${MAX_NAME_BYTES} bytes`;

/** Quotes a name for an error message, shortened if it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
