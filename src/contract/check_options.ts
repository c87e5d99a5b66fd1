/**
 * Checks what an application passes: options, contracts and tables of handlers, each by a table of rules.
 *
 * @module
 */
/** What one value must be. */
export interface Rule {
  /** The type that `typeof` must give, where there is only one. */
  readonly type?: string;
  /** What else must hold of it. */
  readonly test?: (value: never) => boolean;
  /** The rule in words, after "must be". */
  readonly words: string;
  /** The default, where there is one. */
  readonly value?: unknown;
}

/** The rules of an object by key; an object inside has rules of its own. */
export interface Rules {
  readonly [key: string]: Rule | { readonly members: Rules };
}

/** A number of something that has a default: above 0, since limits cannot be disabled. */
export function amount(
  value: number,
  most: number = Number.MAX_SAFE_INTEGER,
): Rule {
  return {
    type: "number",
    test: (it: number) => it > 0 && it <= most,
    words: `a number above 0 and at most ${most}`,
    value,
  };
}

/** A number of milliseconds. Timers count in 31 bits, and a longer delay fires at once. */
export function duration(value: number): Rule {
  return amount(value, 2 ** 31 - 1);
}

/** One of some texts; the first is the default. */
export function oneOf(...texts: string[]): Rule {
  return {
    test: (it: string) => texts.includes(it),
    words: texts.map((it) => `"${it}"`).join(" or "),
    value: texts[0],
  };
}

/** `true` or `false`. */
export function flag(value?: boolean): Rule {
  return { type: "boolean", words: "true or false", value };
}

/** A function, with a default only where leaving it out has one. */
export const callback: Rule = { type: "function", words: "a function" };

/**
 * Checks that an object has only known keys, and under each what its rule says. `undefined` counts as left out.
 *
 * @param action What cannot be done otherwise, such as `create a server`
 * @param given What the application passed
 * @param rules The rule of each key
 * @param path What the keys are inside of, with a dot at its end
 * @throws {TypeError} When a key is unknown, or a value is of another kind; the message names the key
 * @throws {RangeError} When a number is out of its bounds
 */
export function checkOptions(
  action: string,
  given: unknown,
  rules: Rules,
  path = "",
): void {
  if (!isObject(given)) {
    throw mismatch(action, path.slice(0, -1) || "options", given, "an object");
  }
  for (const [key, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const name = path + key;
    if (!rule) throw unknownKey(action, "option", name, keysOf(rules, path));
    if (value === undefined) continue;
    if ("members" in rule) {
      checkOptions(action, value, rule.members, `${name}.`);
    } else checkValue(action, name, value, rule);
  }
}

/** Checks one value by its rule. */
export function checkValue(
  action: string,
  name: string,
  value: unknown,
  { type, test, words }: Rule,
): void {
  const isOfType = type === undefined || typeof value === type;
  if (isOfType && (test?.(value as never) ?? true)) return; // the rule's own test takes its own type
  throw mismatch(
    action,
    name,
    value,
    words,
    isOfType && type === "number" ? RangeError : TypeError,
  );
}

/** The error for a value that is not what it must be. */
export function mismatch(
  action: string,
  name: string,
  value: unknown,
  words: string,
  Failure: typeof TypeError | typeof RangeError = TypeError,
): Error {
  return new Failure(
    `Cannot ${action}: ${name} is ${told(value)}, must be ${words}`,
  );
}

/** The error for a key that is not known; it suggests the nearest known one. */
export function unknownKey(
  action: string,
  noun: string,
  name: string,
  known: readonly string[],
): TypeError {
  const ends = (it: string) => it.slice(it.lastIndexOf(".") + 1).toLowerCase();
  const [nearest] = known
    .map((it) => [distance(ends(name), ends(it)), it] as const)
    .sort(([a], [b]) => a - b);
  const near = nearest && nearest[0] <= Math.ceil(ends(name).length / 2);
  return new TypeError(
    `Cannot ${action}: unknown ${noun} ${JSON.stringify(name)}, ${
      near
        ? `did you mean ${JSON.stringify(nearest[1])}?`
        : `must be one of ${known.map((it) => `"${it}"`).join(", ") || "none"}`
    }`,
  );
}

/**
 * Checks that an object has only known keys.
 *
 * @param action What cannot be done otherwise, such as `create a Redis adapter`
 * @param noun What a key is, such as `option`
 * @param given What the application passed
 * @param known The keys, separated by spaces
 * @param path What the keys are inside of
 * @throws {TypeError} When it is no object, or a key is unknown
 */
export function checkKeys(
  action: string,
  noun: string,
  given: unknown,
  known: string,
  path = "",
): void {
  if (!isObject(given)) {
    throw mismatch(action, path || `${noun}s`, given, "an object");
  }
  const prefix = path && `${path}.`;
  const keys = known.split(" ");
  for (const key of Object.keys(given)) {
    if (keys.includes(key)) continue;
    const names = keys.map((it) => prefix + it);
    throw unknownKey(action, noun, prefix + key, names);
  }
}

/** Fills in the defaults of what was checked. */
export function withDefaults(
  given: Readonly<Record<string, unknown>> | undefined,
  rules: Rules,
): Record<string, unknown> {
  const filled: Record<string, unknown> = {};
  for (const [key, rule] of Object.entries(rules)) {
    const value = given?.[key];
    if ("members" in rule) {
      filled[key] = withDefaults(
        value as Record<string, unknown> | undefined, // checked to be one
        rule.members,
      );
    } else if (value !== undefined || rule.value !== undefined) {
      filled[key] = value ?? rule.value;
    }
  }
  return filled;
}

/** What a value is, in words that hold no more than a short text of it. */
export function told(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  return isObject(value) ? "an object" : String(value);
}

/** Every key that would be known, those of objects inside included. */
function keysOf(rules: Rules, path: string): string[] {
  return Object.entries(rules).flatMap(([key, rule]) =>
    "members" in rule
      ? [path + key, ...keysOf(rule.members, `${path}${key}.`)]
      : path + key
  );
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** How many letters differ: Levenshtein's distance. */
function distance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    let corner = i - 1;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j] ?? 0;
      const change = corner + Number(a[i - 1] !== b[j - 1]);
      row[j] = Math.min(above + 1, (row[j - 1] ?? 0) + 1, change);
      corner = above;
    }
  }
  return row[b.length] ?? 0;
}
