/**
 * Which topic a client or the application means: name, parameters, and the channel that they make.
 *
 * @module
 */
import type { Topic } from "../../contract/define.ts";
import { quote } from "../../contract/names.ts";
import { canonicalParams, PARAMS_RULE } from "../../contract/params.ts";
import { validateSync } from "../../contract/schema.ts";
import { utf8 } from "../../wire/bytes.ts";
import { SocketError } from "../../wire/errors.ts";
import type { Fields } from "../../wire/protocol.ts";
import { topicChannel } from "../fanout/channels.ts";

/** One topic with its parameters. */
export interface TopicAddress {
  /** The topic. */
  readonly topic: Topic;
  /** The parameters as their schema gave them back; `undefined` for a topic without. */
  readonly params: unknown;
  /** The topic's element in a frame, without a position: a name, or `[name, params | null]`. */
  readonly element: string | readonly [name: string, params: object | null];
  /** Its channel between nodes. */
  readonly channel: string;
}

/**
 * Finds the channel of a topic.
 *
 * @param topic The topic
 * @param given The parameters as they came; `undefined` for none
 * @param maxNameBytes How long the canonical text of the parameters may be, in bytes of UTF-8
 * @param refuse Makes the error; VALIDATION when left out
 * @throws What `refuse` made, when the parameters are missing, superfluous, too long, not flat, refused by their
 * schema, or changed by it
 */
export function addressOf(
  topic: Topic,
  given: unknown,
  maxNameBytes: number,
  refuse: (message: string) => Error = invalid,
): TopicAddress {
  const { name, block, params: schema, keep } = topic;
  if (!schema) {
    if (given !== undefined) {
      throw refuse(flaw(topic, "the topic has none", "must be left out"));
    }
    return {
      topic,
      params: undefined,
      element: keep ? [name, null] : name,
      channel: topicChannel(block, name),
    };
  }
  const text = canonicalParams(given);
  if (text === undefined) {
    const state = given === undefined ? "they are missing" : "they are not";
    throw refuse(flaw(topic, state, `must be ${PARAMS_RULE}`));
  }
  const bytes = text.length * 3 > maxNameBytes ? utf8(text).length : 0;
  if (bytes > maxNameBytes) {
    throw refuse(flaw(
      topic,
      `they have ${bytes} bytes as JSON`,
      `must have at most maxNameBytes ${maxNameBytes}`,
    ));
  }
  const checked = validateSync(schema, given, `${block}.${name}`, "params of ");
  if (!checked.ok) {
    const [issue] = checked.issues;
    throw refuse(flaw(
      topic,
      `their schema refused ${text}: ${issue?.message}`,
      "must be what it accepts",
    ));
  }
  if (canonicalParams(checked.value) !== text) {
    throw refuse(flaw(
      topic,
      `their schema changes ${text}`,
      "must be what the schema returns",
    ));
  }
  return {
    topic,
    params: checked.value,
    element: [name, JSON.parse(text)],
    channel: topicChannel(block, name, text),
  };
}

/** The fields of a topic's message before its payload. */
export function messageFields({ topic, element }: TopicAddress): Fields {
  return topic.params ? ["pub", element] : topic.fields;
}

/** The topic as the array that stands in the frames of kept topics, as text. */
export function elementText({ element }: TopicAddress): string {
  return JSON.stringify(element);
}

function flaw({ name }: Topic, state: string, rule: string): string {
  return `Cannot use the params of topic ${quote(name)}: ${state}, ${rule}`;
}

function invalid(message: string): SocketError {
  return new SocketError("VALIDATION", message);
}
