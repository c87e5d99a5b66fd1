/**
 * Tells whether a string has no lone surrogates. Every supported runtime has `String.prototype.isWellFormed`; the `lib`
 * of ES2022, which is the lowest that the sources compile with, does not declare it.
 */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed(); // see above
}
