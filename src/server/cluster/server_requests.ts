/**
 * Questions between nodes.
 *
 * @module
 */
import { schemaError, summary, validate } from "../../contract/schema.ts";
import type { Question } from "../../contract/define.ts";
import type { ReachHost } from "./reach.ts";
import type { AskOptions } from "./ask_options.ts";
import { isForCaller, SocketError } from "../../wire/errors.ts";
import { answerItem, gather, type Gathered } from "./gather.ts";
import { quote } from "../../contract/names.ts";
import { type Fields, type Frame, read } from "../../wire/protocol.ts";

/** Sends the contract's questions to other nodes, and answers theirs. */
export class ServerRequests {
  readonly #host: ReachHost;
  readonly #handlers = new Map<string, (input: unknown) => unknown>();

  constructor(host: ReachHost) {
    this.#host = host;
    host.reach.requests.on("server", ([name = ""], question = "", done) => {
      this.#answer(name, question)
        .then((answer) => done([answerItem(host.nodeId, answer)]));
      return () => [answerItem(host.nodeId, undefined)];
    });
  }

  /** Sets the listener that answers a question. */
  listen(question: Question, fn: (input: unknown) => unknown): () => void {
    const { name } = question;
    if (this.#handlers.has(name)) {
      throw new TypeError(
        `Cannot answer ${quote(name)}: it has a listener, must have one`,
      );
    }
    this.#handlers.set(name, fn);
    return () => {
      if (this.#handlers.get(name) === fn) this.#handlers.delete(name);
    };
  }

  /** Asks all nodes. As with server events, input and answers are sent as they were passed. */
  async ask(
    name: string,
    input: unknown,
    options: AskOptions,
  ): Promise<Gathered> {
    const host = this.#host;
    const question = host.contract.serverQuestions.get(name);
    if (!question) throw unknown("ask", name);
    const checked = await validate(question.input, input);
    if (!checked.ok) {
      throw schemaError("ask", name, "the input", checked.issues);
    }
    const frame = host.codec.frame(["req", 0, name], input);
    return await gather(host, "server", [name], question, frame, options);
  }

  async #answer(name: string, question: Frame): Promise<Fields> {
    const host = this.#host;
    const fn = this.#handlers.get(name);
    const schema = host.contract.serverQuestions.get(name);
    try {
      if (!fn || !schema) {
        throw new SocketError(
          "NOT_FOUND",
          `Nobody here answers ${quote(name)}`,
        );
      }
      const [frame] = read(question);
      const raw = frame?.ok ? frame.fields[3] : undefined;
      const checked = await validate(schema.input, host.codec.payload(raw));
      if (!checked.ok) {
        throw new SocketError("VALIDATION", summary(checked.issues));
      }
      return fieldsOf(host.codec.frame(["res", 0], await fn(checked.value)));
    } catch (error) {
      if (isForCaller(error)) return ["err", 0, error.code, error.message];
      host.report(error, { source: "serverEvent", name });
      return ["err", 0, "INTERNAL", "The node failed"];
    }
  }
}

/** Creates the error for a question that the contract does not have. */
export function unknown(action: string, name: string): TypeError {
  return new TypeError(
    `Cannot ${action} ${
      quote(name)
    }: the contract has no such question, must be one of its serverToServer entries with an output`,
  );
}

function fieldsOf(frame: Frame): Fields {
  const [it] = read(frame);
  if (it?.ok) return it.fields;
  throw new TypeError(it?.flaw);
}
