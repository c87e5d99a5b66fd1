/**
 * Texts that an adapter must carry as they are.
 *
 * @module
 */

/** Texts that careless carriers change. */
export const TEXTS: Readonly<Record<string, string>> = {
  "CR LF": "a\r\nb\r\n\r\nc\n",
  "NUL and control characters": "a\0b\x01\x1b\x7f",
  "an emoji and other scripts": "🏳️‍🌈 ÆØÅ שלום 漢字 \u{10FFFF}",
  "line and paragraph separators": "a\u2028b\u2029c",
  "a byte order mark": "\uFEFFa\uFEFF",
  "a number": "123",
  "a large number": "9007199254740993",
  "a number with a leading zero": "007",
  "JSON": '{"a":[1,2,{"b":null}]}',
  "a JSON string": '"quoted"',
  "true": "true",
  "null": "null",
  "spaces around": "  a b  ",
  "glob characters": "a*b?[c]{d}\\",
  "a percent sign": "100%25 %00 %",
  "base64": "T0s=",
  "OK": "OK",
};

/** Names that objects have already. */
export const NAMES: Readonly<Record<string, string>> = {
  "constructor": "constructor",
  ["__proto__"]: "__proto__", // without brackets it would set the prototype
  "900 bytes": "ü".repeat(450),
};
