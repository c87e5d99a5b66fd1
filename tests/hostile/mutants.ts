/** Frames with a seed: valid ones, valid ones with one mutation, and noise. */
import { webSocketFrame } from "../helpers/tcp_socket.ts";

export type Kind = "valid" | "mutated" | "noise" | "broken";

export interface Mutant {
  readonly kind: Kind;
  /** What goes over TCP: one WebSocket frame, mostly. */
  readonly bytes: Uint8Array;
}

/** A sequence of numbers from 0 to 1 that a seed decides (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const odd: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  "",
  "x",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "\0",
  "\n",
  [],
  {},
  [[[[[]]]]],
  { text: 1 },
  { text: "a", room: "b" },
  { toString: 1 },
  { then: 1 },
  "x".repeat(3_000),
];

export function* mutants(seed: number): Generator<Mutant, never> {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T =>
    list[Math.floor(next() * list.length)] as T; // never empty
  let id = 0;

  function valid(): unknown[] {
    const text = { text: pick(["a", "late", "throw", "refuse", "ü😀"]) };
    const room = { room: pick(["a", "b", "everybody"]) };
    return pick<() => unknown[]>([
      () => ["req", ++id, "echo", text],
      () => ["req", ++id, "misbehave", text],
      () => ["req", ++id, "join", room],
      () => ["req", ++id, "keep", { value: pick(odd) }],
      () => ["sig", "typing", room],
      () => ["sub", ++id, "presence"],
      () => ["unsub", "presence"],
      () => ["cancel", Math.max(1, id - Math.floor(next() * 3))],
      () => ["auth", ++id, "token"],
    ])();
  }

  function mutate(frame: unknown[]): string {
    const at = Math.floor(next() * frame.length);
    const text = JSON.stringify(frame);
    const cut = Math.floor(next() * text.length);
    return pick<() => string>([
      () => JSON.stringify(frame.with(at, pick(odd))),
      () => JSON.stringify(frame.toSpliced(at, 1)),
      () => JSON.stringify(frame.toSpliced(at, 0, pick(odd))),
      () => JSON.stringify([...frame, pick(odd)]),
      () => JSON.stringify(frame.toReversed()),
      () =>
        JSON.stringify(
          frame.with(-1, { ...frame.at(-1) as object, extra: pick(odd) }),
        ),
      () =>
        JSON.stringify(frame.with(-1, { text: pick(odd), room: pick(odd) })),
      () => text.slice(0, cut),
      () =>
        text.slice(0, cut) +
        pick(['"', "[", "}", "\\", "\n", "\0", "1e9", "😀"]) + text.slice(cut),
      () => text.slice(0, cut) + text.slice(cut + 1),
      () => `${text}\n${text}`,
      () => `${text}\n`,
      () => text.replace(/"text"|"room"/, '"__proto__"'),
      () => ` ${text} `,
    ])();
  }

  function noise(): Uint8Array {
    const bytes = Uint8Array.from(
      { length: Math.floor(next() * 60) },
      () => Math.floor(next() * 256),
    );
    return pick<() => Uint8Array>([
      () => webSocketFrame(2, bytes),
      () =>
        webSocketFrame(2, Uint8Array.from([0, 0, 0, bytes.length, ...bytes])),
      () => webSocketFrame(1, bytes.map((byte) => byte & 127)),
      () => webSocketFrame(1, JSON.stringify(pick(odd))),
      () => webSocketFrame(1, "[".repeat(Math.floor(next() * 5_000))),
    ])();
  }

  function broken(): Uint8Array {
    const text = JSON.stringify(valid());
    return pick<() => Uint8Array>([
      () => webSocketFrame(1, text, { rsv: 1 + Math.floor(next() * 7) }),
      () => webSocketFrame(1, text, { masked: false }),
      () => webSocketFrame(Math.floor(next() * 16), text),
      () => webSocketFrame(1, text, { fin: false }),
      () => webSocketFrame(0, text),
      () => webSocketFrame(1, Uint8Array.from([0xff, 0xc0, 0x80])),
      () =>
        webSocketFrame(
          8,
          Uint8Array.from([3, Math.floor(next() * 256)]),
        ),
    ])();
  }

  for (;;) {
    const kind = next();
    if (kind < 0.2) {
      yield {
        kind: "valid",
        bytes: webSocketFrame(1, JSON.stringify(valid())),
      };
    } else if (kind < 0.8) {
      yield { kind: "mutated", bytes: webSocketFrame(1, mutate(valid())) };
    } else if (kind < 0.97) yield { kind: "noise", bytes: noise() };
    else yield { kind: "broken", bytes: broken() };
  }
}
