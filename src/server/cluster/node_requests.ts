/**
 * Questions between nodes: put here and answered there, one answer or several each.
 *
 * @module
 */
import { NODES } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import type { Directory } from "./directory.ts";
import type { Post } from "./message_parts.ts";
import { carriedFrame } from "./node_message.ts";
import { type Fields, type Frame, frameOf, isId } from "../../wire/protocol.ts";

/** Where answers go. */
export interface Answers {
  /**
   * Who is asked on this node, told first where it may be anybody but the node itself.
   *
   * @param nodeId The node
   * @param members The ids of those who will answer
   */
  asked(nodeId: string, members: readonly string[]): void;
  /**
   * An answer came.
   *
   * @param nodeId The node
   * @param member Whose it is, empty for the node's own
   * @param answer A `res` or `err` frame
   */
  answer(nodeId: string, member: string, answer: Fields): void;
  /** A node that was asked is gone. */
  gone(nodeId: string): void;
}

/**
 * Answers questions of one kind.
 *
 * @param about Whom or what they are about, such as a room
 * @param question A `req` frame with id 0
 * @param answers Where the answers go; the node's id is filled in
 * @returns What ends it before
 */
export type Answerer = (
  about: readonly string[],
  question: Frame,
  answers: Pick<Answers, "asked" | "answer">,
) => () => void;

/** Puts questions to other nodes, and answers theirs. */
export class NodeCalls {
  readonly #core: ClusterHost;
  readonly #post: Post;
  readonly #answerers = new Map<string, Answerer>();
  readonly #directory: Directory;
  readonly #asked = new Map<number, Answers>();
  /** What ends the answering, by node and id. */
  readonly #answering = new Map<string, Map<number, () => void>>();
  #id = 0;

  constructor(core: ClusterHost, post: Post, directory: Directory) {
    this.#core = core;
    this.#post = post;
    this.#directory = directory;
    directory.listen(({ nodeId }, change) => {
      if (change === "left") this.#lose(nodeId);
    });
    post.on("call", ([, id, kind, about, frame], from) => {
      const question = carriedFrame(frame);
      if (!isId(id) || !Array.isArray(about) || question?.[0] !== "req") {
        throw new TypeError("it is no question");
      }
      if (from === core.nodeId) return;
      const who = about.map(String);
      this.#take(id, from, String(kind), who, frameOf(question));
    });
    post.on("stop", ([, id], from) => {
      const stop = this.#answering.get(from)?.get(Number(id));
      this.#done(from, Number(id));
      stop?.();
    });
    post.on("asked", ([, id, members], from) => {
      if (!Array.isArray(members)) throw new TypeError("it is no list");
      this.#asked.get(Number(id))?.asked(from, members.map(String));
    });
    post.on("back", ([, id, member, frame], from) => {
      const answer = carriedFrame(frame);
      if (answer?.[0] !== "res" && answer?.[0] !== "err") {
        throw new TypeError("it is no answer");
      }
      this.#asked.get(Number(id))?.answer(from, String(member), answer);
    });
  }

  /** Answers the questions of a kind. */
  on(kind: string, answerer: Answerer): void {
    this.#answerers.set(kind, answerer);
  }

  /**
   * Asks one node, or all that there are.
   *
   * @param to The node, `undefined` for all
   * @returns What ends it: nothing more is told, and those who were asked are unless all have answered
   */
  ask(
    to: string | undefined,
    kind: string,
    about: readonly string[],
    question: Frame,
    answers: Answers,
  ): (answered: boolean) => void {
    const id = ++this.#id;
    this.#asked.set(id, answers);
    const here = to === undefined
      ? this.#answerers.get(kind)?.(about, question, answers)
      : undefined;
    const send = (head: Fields, body?: Frame) =>
      to === undefined
        ? this.#post.sendOn(NODES, head, body)
        : this.#post.send(to, head, body);
    try {
      send(["call", id, kind, about], question);
    } catch (error) {
      this.#asked.delete(id);
      here?.();
      throw error;
    }
    return (answered) => {
      this.#asked.delete(id);
      if (answered) return;
      here?.();
      send(["stop", id]);
    };
  }

  /** Ends all. */
  close(): void {
    const others = this.#directory.others().map(({ nodeId }) => nodeId);
    for (const nodeId of [...others, ...this.#answering.keys()]) {
      this.#lose(nodeId);
    }
  }

  #take(
    id: number,
    from: string,
    kind: string,
    about: readonly string[],
    question: Frame,
  ): void {
    let calls = this.#answering.get(from);
    if (!calls) this.#answering.set(from, calls = new Map());
    let open = 1;
    const done = () => {
      if (--open <= 0) this.#done(from, id);
    };
    calls.set(id, () => {});
    const stop = this.#answerers.get(kind)?.(about, question, {
      asked: (_me, members) => {
        open = members.length;
        this.#post.send(from, ["asked", id, members]);
        if (open === 0) this.#done(from, id);
      },
      answer: (_me, member, [tag, _id, ...rest]) => {
        const answer = frameOf([tag, 0, ...rest]);
        try {
          this.#post.send(from, ["back", id, member], answer);
        } catch (error) {
          this.#core.report(error, { source: "output" }); // larger than the adapter carries
          const text = frameOf([
            "err",
            0,
            "INTERNAL",
            "The answer is too large",
          ]);
          this.#post.send(from, ["back", id, member], text);
        }
        done();
      },
    });
    if (stop && calls.has(id)) calls.set(id, stop);
  }

  #done(from: string, id: number): void {
    const calls = this.#answering.get(from);
    if (calls?.delete(id) && calls.size === 0) this.#answering.delete(from);
  }

  #lose(nodeId: string): void {
    for (const asked of [...this.#asked.values()]) asked.gone(nodeId);
    const calls = this.#answering.get(nodeId);
    this.#answering.delete(nodeId);
    for (const stop of calls?.values() ?? []) stop();
  }
}
