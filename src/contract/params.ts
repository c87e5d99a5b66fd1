/**
 * The parameters of a topic, as one text that the client and every node agree on.
 *
 * @module
 */

/** What one parameter of a topic may be; a number is finite. */
export type ParamValue = string | number | boolean;

/** The parameters of a topic: a flat object. */
export type Params = Readonly<Record<string, ParamValue>>;

/**
 * Writes parameters in canonical form: JSON with sorted keys and without the members that are `undefined`.
 *
 * @param params Anything
 * @returns `undefined` unless it is a flat object of strings, finite numbers and booleans
 */
export function canonicalParams(params: unknown): string | undefined {
  if (
    params === null || typeof params !== "object" || Array.isArray(params)
  ) return undefined;
  const parts: string[] = [];
  for (const name of Object.keys(params).sort()) {
    const value = (params as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (
      typeof value !== "string" && typeof value !== "boolean" &&
      !Number.isFinite(value)
    ) return undefined;
    // JSON escapes a lone surrogate, so two values never meet in one text.
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }
  return `{${parts}}`;
}

/** The rule that {@linkcode canonicalParams} checks, in words. */
export const PARAMS_RULE =
  "a flat object of strings, finite numbers and booleans";

/**
 * Writes a topic as its element in a frame, without a position. Equal topics have equal texts.
 *
 * @param name The topic's name
 * @param params Its parameters in canonical form, `null` for the array form of a topic without parameters, and
 * `undefined` for the plain name
 */
export function topicText(
  name: string,
  params: string | null | undefined,
): string {
  const quoted = JSON.stringify(name);
  return params === undefined ? quoted : `[${quoted},${params}]`;
}

/** A topic read from a frame. */
export interface TopicElement {
  /** The topic's name. */
  readonly name: string;
  /** Its parameters as they came; `undefined` for a plain name or `null`. */
  readonly params: object | undefined;
  /** Where a kept topic goes on. */
  readonly position: string | undefined;
  /** Whether it came as an array. */
  readonly long: boolean;
}

/** Reads the topic element of a frame: a name, or `[name, params | null, position?]`; `undefined` for anything else. */
export function readTopic(element: unknown): TopicElement | undefined {
  if (typeof element === "string") {
    return {
      name: element,
      params: undefined,
      position: undefined,
      long: false,
    };
  }
  if (!Array.isArray(element)) return undefined;
  const [name, params, position] = element as unknown[];
  return typeof name === "string" && typeof params === "object" &&
      !Array.isArray(params) &&
      (position === undefined || typeof position === "string")
    ? { name, params: params ?? undefined, position, long: true }
    : undefined;
}
