/**
 * The size of a structured clone.
 *
 * @module
 */

/**
 * Estimates the size of a value's structured clone in bytes, a little above what V8 writes.
 *
 * @throws {DOMException} DataCloneError if the value cannot be cloned
 */
export function clonedSize(value: unknown): number {
  return sizeOf(structuredClone(value), new Set());
}

function sizeOf(value: unknown, seen: Set<object>): number {
  if (typeof value === "string") return 4 + textSize(value);
  if (typeof value === "number") return 9;
  if (typeof value === "bigint") return 8 + value.toString(16).length / 2;
  if (typeof value !== "object" || value === null) return 1;
  if (seen.has(value)) return 4;
  seen.add(value);
  if (value instanceof ArrayBuffer) return 8 + value.byteLength;
  if (ArrayBuffer.isView(value)) return 16 + value.byteLength;
  if (value instanceof Date) return 9;
  const parts = value instanceof Map
    ? [...value].flat()
    : value instanceof Set
    ? [...value]
    : Object.entries(value).flat();
  return parts.reduce<number>((sum, part) => sum + sizeOf(part, seen), 8);
}

/** V8 writes one byte for each character of Latin-1, two for others. */
function textSize(text: string): number {
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length;
}
