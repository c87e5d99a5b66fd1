/**
 * How deep JSON is nested, seen before it is parsed: a megabyte of brackets takes `JSON.parse` half a second.
 *
 * @module
 */

/**
 * Tells whether arrays and objects in a text of JSON are nested deeper than a number.
 *
 * Brackets are counted first, with native searches: few texts have more than `maxDepth` of them. Only those are walked.
 *
 * @param text Any text; of one that is no JSON the answer may be either
 * @param maxDepth The deepest nesting
 */
export function isDeeper(text: string, maxDepth: number): boolean {
  if (text.length <= 2 * maxDepth) return false; // each level takes two characters
  let openers = 0;
  for (const opener of "[{") {
    for (
      let at = text.indexOf(opener);
      at >= 0;
      at = text.indexOf(opener, at + 1)
    ) {
      if (++openers > maxDepth) return walk(text, maxDepth);
    }
  }
  return false;
}

function walk(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
  }
  return false;
}

/** The place of the quote that ends a string. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at > 0;) {
    let before = at;
    while (text.charCodeAt(before - 1) === 0x5c) before--; // backslashes
    if ((at - before) % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return text.length;
}
