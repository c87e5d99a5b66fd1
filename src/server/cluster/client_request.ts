/**
 * One question to one client, wherever it is.
 *
 * @module
 */
import {
  type Issue,
  plainIssue,
  summary,
  validate,
} from "../../contract/schema.ts";
import {
  LIBRARY_CODES,
  type Question,
  type Surface,
} from "../../contract/define.ts";
import type { ReachHost } from "./reach.ts";
import type { AskOptions } from "./ask_options.ts";
import { remoteError, type SocketError } from "../../wire/errors.ts";
import { quote } from "../../contract/names.ts";
import type { Fields, Frame } from "../../wire/protocol.ts";

/** The question of a name. */
export function questionOf(surface: Surface, name: string): Question {
  const question = surface.questions.get(name);
  if (question) return question;
  throw new TypeError(
    `Cannot ask ${
      quote(name)
    }: there is no such question for all whom it may reach, must be one of shared or of the named role`,
  );
}

/**
 * Validates a question's input and makes its frame, with id 0.
 *
 * @throws {TypeError} When the schema refuses the input
 */
export async function frameOf(
  core: ReachHost,
  { name, block, input }: Question,
  data: unknown,
): Promise<Frame> {
  const fields: Fields = ["req", 0, name];
  if (!core.settings.validateOutput) {
    return core.codec.frame(fields, data);
  }
  const checked = await validate(input, data);
  if (checked.ok) return core.codec.frame(fields, checked.value);
  throw new TypeError(
    `Cannot ask ${quote(`${block}.${name}`)}: its schema refused the input: ${
      summary(checked.issues)
    }`,
    { cause: { issues: checked.issues } },
  );
}

/** Asks the client of a connection, and waits for its answer. */
export async function askConnection(
  core: ReachHost,
  id: string,
  question: Question,
  data: unknown,
  options: AskOptions,
): Promise<unknown> {
  const frame = await frameOf(core, question, data);
  const answer = await core.reach.ask(id, question.block, frame, options);
  return await outcomeOf(core, question, answer);
}

/** What an answer says: the output, or a throw. */
export async function outcomeOf(
  core: ReachHost,
  { name, output, errors }: Question,
  [tag, _id, first, message, data]: Fields,
): Promise<unknown> {
  const { codec } = core;
  if (tag === "err") {
    const code = String(first);
    const given = codec.payload(data);
    if (!errors || LIBRARY_CODES.has(code)) {
      throw remoteError(code, String(message), given);
    }
    const schema = errors.get(code);
    if (!schema) {
      throw remoteError(
        "VALIDATION",
        `The answer to ${quote(name)} was refused: ${
          quote(code)
        } is none of its errors`,
      );
    }
    const checked = await validate(schema, given);
    if (checked.ok) throw remoteError(code, String(message), checked.value);
    throw refused(name, checked.issues);
  }
  const checked = await validate(output, codec.payload(first));
  if (checked.ok) return checked.value;
  throw refused(name, checked.issues);
}

function refused(name: string, issues: readonly Issue[]): SocketError {
  return remoteError(
    "VALIDATION",
    `The answer to ${quote(name)} was refused: ${summary(issues)}`,
    { issues: issues.map(plainIssue) },
  );
}
