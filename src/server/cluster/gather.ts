/**
 * One request to many: their answers, and who gave none.
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

/** What came back. */
export interface Gathered {
  /** The outputs that were accepted, each with the connection or node that gave it. */
  readonly answers: { id: string; output: unknown }[];
  /** Who answered with an error, or with an output that the schema refuses. */
  readonly failed: { id: string; error: SocketError }[];
  /** Who was asked and did not answer in time. */
  readonly missing: string[];
  /** The nodes that said nothing at all. */
  readonly missingNodes: string[];
}

/** After how long many are waited for no longer, where no option says it, in milliseconds. */
export const GATHER_MS = 5_000;

/** Asks all nodes, and checks each answer with the schema of the question. */
export async function gather(
  core: ReachHost,
  kind: string,
  about: readonly string[],
  question: Question,
  frame: Frame,
  options: AskOptions,
): Promise<Gathered> {
  const { items, silent } = await core.reach.askAll(
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
        const output = await outcomeOf(core, question, answer);
        gathered.answers.push({ id, output });
      } catch (error) {
        gathered.failed.push({ id, error: errorOf(error) });
      }
    }
  }
  return gathered;
}

/** Builds the item of an answer: a connection or node, and the `res` or `err` frame that it gave, if it did. */
export function answerItem(id: string, answer: Fields | undefined): string {
  if (!answer) return JSON.stringify([id]);
  const [tag, _id, ...rest] = answer; // the id is of the connection's own count
  return `[${JSON.stringify(id)},${fieldsToJson([tag, 0, ...rest])}]`;
}

/** Reads such an item; what another node sent in its place counts as no answer. */
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
