/**
 * A request to one client, on any node.
 *
 * @module
 */
import {
  type Issue,
  plainIssue,
  schemaError,
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

/** Returns the question of a name. */
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
 * Validates the input and builds the frame of a request, with id 0.
 *
 * @throws {TypeError} If the schema refuses the input
 */
export async function frameOf(
  host: ReachHost,
  { name, block, input }: Question,
  data: unknown,
): Promise<Frame> {
  const fields: Fields = ["req", 0, name];
  if (!host.settings.validateOutput) {
    return host.codec.frame(fields, data);
  }
  const checked = await validate(input, data);
  if (checked.ok) return host.codec.frame(fields, checked.value);
  throw schemaError("ask", `${block}.${name}`, "the input", checked.issues);
}

/** Sends a request to the client of a connection, and waits for its answer. */
export async function askConnection(
  host: ReachHost,
  id: string,
  question: Question,
  data: unknown,
  options: AskOptions,
): Promise<unknown> {
  const frame = await frameOf(host, question, data);
  const answer = await host.reach.ask(id, question.block, frame, options);
  return await outcomeOf(host, question, answer);
}

/** Returns the output of an answer, or throws its error. */
export async function outcomeOf(
  host: ReachHost,
  { name, output, errors }: Question,
  [tag, _id, first, message, data]: Fields,
): Promise<unknown> {
  const { codec } = host;
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
