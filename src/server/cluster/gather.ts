/**
 * One request to several clients or nodes.
 *
 * @module
 */
import { outcomeOf } from "./client_request.ts";
import type { Question } from "../../contract/define.ts";
import type { ReachHost } from "./reach.ts";
import type { AskOptions } from "./ask_options.ts";
import { fieldsFromJson, fieldsToJson } from "./node_messages.ts";
import {
  isSocketError,
  remoteError,
  type SocketError,
} from "../../wire/errors.ts";
import type { Fields, Frame } from "../../wire/protocol.ts";

/** The outcome. */
export interface Gathered {
  /** The valid outputs, each with the connection or node that sent it. */
  readonly answers: { id: string; output: unknown }[];
  /** Errors, and outputs that the schema refused. */
  readonly failed: { id: string; error: SocketError }[];
  /** Those that did not answer in time. */
  readonly missing: string[];
  /** The nodes that did not answer at all. */
  readonly missingNodes: string[];
}

/** The default timeout for several answers, in milliseconds. */
export const GATHER_MS = 5_000;

/** Sends a request to all nodes, and validates each answer. */
export async function gather(
  host: ReachHost,
  kind: string,
  about: readonly string[],
  question: Question,
  frame: Frame,
  options: AskOptions,
): Promise<Gathered> {
  const { items, silent } = await host.reach.askAll(
    kind,
    about,
    frame,
    { timeoutMs: GATHER_MS, ...options },
  );
  const gathered: Gathered = {
    answers: [],
    failed: [],
    missing: [],
    missingNodes: [...silent],
  };
  for (const item of [...items.values()].flat()) {
    const { id, answer } = readAnswer(item);
    if (!answer) gathered.missing.push(id);
    else {
      try {
        const output = await outcomeOf(host, question, answer);
        gathered.answers.push({ id, output });
      } catch (error) {
        gathered.failed.push({ id, error: errorOf(error) });
      }
    }
  }
  return gathered;
}

/** Builds the item of an answer: a connection or node, and its `res` or `err` frame, if it answered. */
export function answerItem(id: string, answer: Fields | undefined): string {
  if (!answer) return JSON.stringify([id]);
  const [tag, _id, ...rest] = answer; // the id belongs to the connection's own count
  return `[${JSON.stringify(id)},${fieldsToJson([tag, 0, ...rest])}]`;
}

/** Parses such an item. Anything else that another node sent counts as no answer. */
export function readAnswer(
  item: unknown,
): { readonly id: string; readonly answer: Fields | undefined } {
  const [id, carried] = Array.isArray(item) ? item as unknown[] : [];
  const answer = fieldsFromJson(carried);
  const isAnswer = answer?.[0] === "res" || answer?.[0] === "err";
  return { id: String(id), answer: isAnswer ? answer : undefined };
}

function errorOf(error: unknown): SocketError {
  return isSocketError(error)
    ? error
    : remoteError("VALIDATION", "The answer cannot be read", undefined, {
      cause: error,
    });
}
