// How people look: a round avatar with a colour of the name's own.
import type { Member } from "../api.ts";
import { h } from "./dom.ts";

/** Makes a member's avatar. */
export function avatar({ name, role }: Member): HTMLElement {
  const element = h("span", `avatar ${role}`, initials(name));
  element.ariaHidden = "true";
  element.style.setProperty("--hue", String(hue(name)));
  return element;
}

/** Says who is typing, in words. */
export function typingText(names: readonly string[]): string {
  const [first, second] = names;
  if (first === undefined) return "";
  if (second === undefined) return `${first} is typing…`;
  if (names.length > 2) return "Several people are typing…";
  return `${first} and ${second} are typing…`;
}

function initials(name: string): string {
  const words = name.split(/[\s\-_.]+/).filter(Boolean);
  const letters = words.length > 1
    ? [words[0], words.at(-1)].map((word) => [...word ?? ""][0])
    : [...name].slice(0, 1);
  return letters.join("").toUpperCase();
}

// Far enough apart to be told apart, and from the agent's colour.
const HUES = [15, 40, 65, 95, 125, 148, 215, 235, 255, 280, 310, 345];

/** Picks a name's hue: FNV-1a, its bits mixed once more. */
function hue(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return HUES[((hash ^ (hash >>> 13)) >>> 0) % HUES.length] ?? 0;
}
