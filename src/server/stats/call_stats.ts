/**
 * Calls, counted by entry and outcome.
 *
 * @module
 */

/** What was called. */
export type CallKind = "request" | "signal" | "subscribe" | "refresh";

/** How often one entry was called, how that ended, and how long it took. */
export interface CallStats {
  /** What was called. */
  readonly kind: CallKind;
  /** The block and name, such as `shared.say`; empty for all that the role does not have. */
  readonly entry: string;
  /** How many ended: `ok`, `cancelled`, or with an error's code; past 20 of them `OTHER`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** How long they took together, in milliseconds, from their frame to their answer. */
  readonly durationMs: number;
  /** How many took at most as long as {@linkcode DURATION_BOUNDS_MS} says, each once; the last one is of all longer ones. */
  readonly durations: readonly number[];
}

/** What {@linkcode CallStats.durations} are counted by, in milliseconds. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  1,
  5,
  25,
  100,
  500,
  2_500,
  10_000,
];

/** Codes are the application's, and might be made of anything. */
const MAX_OUTCOMES = 20;

/** The count of one entry. */
export class EntryStats implements CallStats {
  readonly kind: CallKind;
  readonly entry: string;
  readonly durations: number[] = Array(DURATION_BOUNDS_MS.length + 1).fill(0);
  durationMs = 0;
  #ok = 0;
  readonly #others = new Map<string, number>();

  constructor(kind: CallKind, entry: string) {
    this.kind = kind;
    this.entry = entry;
  }

  get outcomes(): Record<string, number> {
    return {
      ...(this.#ok > 0 && { ok: this.#ok }),
      ...Object.fromEntries(this.#others),
    };
  }

  /** Counts one that ended. */
  add(outcome: string, ms: number): void {
    if (outcome === "ok") this.#ok++;
    else this.#count(outcome);
    this.durationMs += ms;
    let slot = 0;
    while (ms > (DURATION_BOUNDS_MS[slot] ?? Infinity)) slot++;
    this.durations[slot] = (this.durations[slot] ?? 0) + 1;
  }

  #count(outcome: string): void {
    const others = this.#others;
    const isNew = !others.has(outcome) && others.size >= MAX_OUTCOMES;
    const name = isNew ? "OTHER" : outcome;
    others.set(name, (others.get(name) ?? 0) + 1);
  }
}

/** The counts of all entries that were called; there are no more of them than the contract has. */
export class CallStatsTable {
  readonly #known = new Map<object, EntryStats>();
  readonly #unknown = new Map<CallKind, EntryStats>();

  /** The count of an entry; all that the contract does not have share one. */
  of(
    kind: CallKind,
    entry: { readonly block: string; readonly name: string } | undefined,
  ): EntryStats {
    let tally = entry ? this.#known.get(entry) : this.#unknown.get(kind);
    if (tally) return tally;
    tally = new EntryStats(kind, entry ? `${entry.block}.${entry.name}` : "");
    if (entry) this.#known.set(entry, tally);
    else this.#unknown.set(kind, tally);
    return tally;
  }

  /** A copy of all. */
  all(): CallStats[] {
    return [...this.#known.values(), ...this.#unknown.values()].map((
      { kind, entry, outcomes, durationMs, durations },
    ) => ({ kind, entry, outcomes, durationMs, durations: [...durations] }));
  }
}
