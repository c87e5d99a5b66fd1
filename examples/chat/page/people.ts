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

/** FNV-1a, spread over the colour wheel in steps that the eye can tell apart. */
function hue(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  return ((hash >>> 8) % 18) * 20;
}
