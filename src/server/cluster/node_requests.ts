/**
 * Requests between nodes. A request carries its timeout, and each node answers it once, with all its items: in several
 * parts if there are many.
 *
 * @module
 */
import type { ClusterHost } from "./host.ts";
import type { Directory } from "./directory.ts";
import {
  ASK_MS,
  type AskOptions,
  type WaitingEnd,
  withDeadline,
} from "./ask_options.ts";
import {
  fieldsFromJson,
  frameToJson,
  inParts,
  messageOf,
  type NodeMessages,
} from "./node_messages.ts";
import { type Frame, frameOf, isId } from "../../wire/protocol.ts";

/**
 * Answers requests of one kind.
 *
 * @param about What the request is about, such as a room
 * @param frame The request for clients that it carries, with id 0, if its kind has one
 * @param done To be called once, with the items of the answer as JSON texts
 * @returns Ends the request: returns the items collected by then, or `undefined` if they are not needed
 */
export type Responder = (
  about: readonly string[],
  frame: Frame | undefined,
  done: (items: readonly string[]) => void,
) => () => readonly string[] | undefined;

/** The answers of all nodes. */
export interface NodeAnswers {
  /** The items of each node that answered. */
  readonly items: ReadonlyMap<string, readonly unknown[]>;
  /** The nodes that did not answer. */
  readonly silent: readonly string[];
}

/** A request that this node sent. */
interface Asked {
  /** The only node that may answer; any if `undefined`. */
  readonly to: string | undefined;
  /** Incomplete answers, by node. */
  parts: Map<string, { next: number; readonly items: unknown[] }> | undefined;
  /** A node has answered. */
  take(nodeId: string, items: readonly unknown[]): void;
  /** A node is gone, or no more answers are expected. */
  lose(nodeId: string | undefined): void;
}

/** A request that this node has not answered yet. */
interface Answering {
  /** When it times out, in milliseconds since the epoch. */
  readonly endsAt: number;
  /** Ends it, and answers with the items collected so far if `answers` is set. */
  end(answers: boolean): void;
}

/** How long to wait for a node after its own clients timed out, in milliseconds. */
const GRACE_MS = 1_000;
const GRACE_METERED_MS = 5_000;
/** The longest interval between checks for timed-out requests, in milliseconds. */
const LOOK_MS = 60_000;
/** The most requests of one node that are answered at the same time. */
const MAX_REQUESTS = 10_000;

/** Sends requests to other nodes, and answers theirs. */
export class NodeRequests {
  readonly #host: ClusterHost;
  readonly #messages: NodeMessages;
  readonly #directory: Directory;
  readonly #graceMs: number;
  readonly #responders = new Map<string, Responder>();
  readonly #asked = new Map<number, Asked>();
  /** By node, and by the request's id there. */
  readonly #answering = new Map<string, Map<number, Answering>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAt = Infinity;
  /** Hard to guess, so that a client of the broker that can only write cannot forge answers. */
  #id = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

  constructor(
    host: ClusterHost,
    messages: NodeMessages,
    directory: Directory,
    metered: boolean,
  ) {
    this.#host = host;
    this.#messages = messages;
    this.#directory = directory;
    this.#graceMs = metered ? GRACE_METERED_MS : GRACE_MS;
    directory.onLost((nodeId) => this.#lose(nodeId));
    messages.on("request", ([, id, kind, about, timeoutMs, carried], from) => {
      if (from === host.nodeId) return;
      const frame = carried === undefined ? undefined : fieldsFromJson(carried);
      if (
        !isId(id) || typeof kind !== "string" || !isTexts(about) ||
        !(timeoutMs === null || Number(timeoutMs) >= 0) ||
        carried !== undefined && frame?.[0] !== "req"
      ) throw new TypeError("it is no request");
      const request = { id, kind, about, frame: frame && frameOf(frame) };
      const ms = timeoutMs === null ? Infinity : Number(timeoutMs);
      this.#answer(
        from,
        request,
        ms,
        (items) => this.#respond(from, id, items),
      );
    });
    messages.on("response", ([, id, at, last, items], from) => {
      if (!Array.isArray(items)) throw new TypeError("it is no answer");
      this.#collect(Number(id), from, Number(at), last === true, items);
    });
    messages.on("cancel", ([, id], from) => {
      this.#answering.get(from)?.get(Number(id))?.end(false);
    });
  }

  /** Sets the answerer of a kind. */
  on(kind: string, responder: Responder): void {
    this.#responders.set(kind, responder);
  }

  /**
   * Sends a request to one other node.
   *
   * @returns The items of its answer; `undefined` if the node is gone
   * @throws {SocketError} TIMEOUT, as a rejection, if it did not answer within `timeoutMs`
   */
  askNode(
    to: string,
    kind: string,
    about: readonly string[],
    frame: Frame | undefined,
    options: AskOptions,
  ): Promise<readonly unknown[] | undefined> {
    if (!this.#directory.has(to)) return Promise.resolve(undefined);
    return withDeadline<readonly unknown[] | undefined>(
      options,
      ({ resolve }) => {
        const id = this.#send(to, kind, about, frame, options.timeoutMs);
        this.#asked.set(id, {
          ...{ to, parts: undefined },
          take: (_nodeId, items) => resolve(items),
          lose: (nodeId = to) => void (nodeId === to && resolve(undefined)),
        });
        return (end) => this.#end(id, to, end);
      },
    );
  }

  /**
   * Sends a request to all nodes, including this one. Resolves when all have answered, or after `timeoutMs` plus the
   * time for answers to arrive: 1 s at most, 5 s if the adapter polls.
   */
  askAll(
    kind: string,
    about: readonly string[],
    frame: Frame | undefined,
    options: AskOptions,
  ): Promise<NodeAnswers> {
    const { timeoutMs = ASK_MS, signal } = options;
    const me = this.#host.nodeId;
    const others = this.#directory.others().map(({ nodeId }) => nodeId);
    const open = new Set([me, ...others]);
    const items = new Map<string, readonly unknown[]>();
    const outcome = () => ({ items, silent: [...open, ...lost] });
    const lost: string[] = [];
    const waitMs = timeoutMs + Math.min(timeoutMs, this.#graceMs);
    return withDeadline<NodeAnswers>(
      signal ? { timeoutMs: waitMs, signal } : { timeoutMs: waitMs },
      ({ resolve }) => {
        const done = () => void (open.size === 0 && resolve(outcome()));
        const id = this.#send(undefined, kind, about, frame, timeoutMs);
        this.#asked.set(id, {
          ...{ to: undefined, parts: undefined },
          take(nodeId, answered) {
            items.set(nodeId, answered);
            open.delete(nodeId);
            done();
          },
          lose(nodeId) {
            if (nodeId === undefined) return resolve(outcome());
            if (open.delete(nodeId)) lost.push(nodeId);
            done();
          },
        });
        const request = { id, kind, about, frame };
        this.#answer(me, request, timeoutMs, (texts) => {
          const own = texts.map((text): unknown => JSON.parse(text));
          this.#collect(id, me, 0, true, own);
        });
        return (end) => this.#end(id, undefined, end);
      },
      outcome,
    );
  }

  /** Answers the requests in progress, and stops waiting for answers. */
  close(): void {
    for (const requests of [...this.#answering.values()]) {
      for (const request of [...requests.values()]) request.end(true);
    }
    clearTimeout(this.#timer);
    for (const asked of [...this.#asked.values()]) asked.lose(undefined);
  }

  /**
   * Sends a request.
   *
   * @returns Its id
   */
  #send(
    to: string | undefined,
    kind: string,
    about: readonly string[],
    frame: Frame | undefined,
    timeoutMs = ASK_MS,
  ): number {
    const id = ++this.#id;
    const limit = Number.isFinite(timeoutMs) ? timeoutMs : null;
    this.#messages.send(
      to,
      messageOf(
        ["request", id, kind, about, limit],
        frame && frameToJson(frame),
      ),
    );
    return id;
  }

  /** Stops waiting for the answers to a request. */
  #end(id: number, to: string | undefined, end: WaitingEnd): void {
    this.#asked.delete(id);
    if (end !== "aborted") return; // the other nodes notice the timeout themselves
    this.#answering.get(this.#host.nodeId)?.get(id)?.end(false);
    this.#messages.send(to, messageOf(["cancel", id]));
  }

  #collect(
    id: number,
    from: string,
    at: number,
    last: boolean,
    items: readonly unknown[],
  ): void {
    const asked = this.#asked.get(id);
    if (!asked) return; // it has ended
    if (asked.to !== undefined && asked.to !== from) {
      throw new TypeError("its node was not asked");
    }
    if (at === 0 && last) return asked.take(from, items);
    const parts = asked.parts ??= new Map();
    const part = at === 0 ? { next: 0, items: [] } : parts.get(from);
    if (part?.next !== at) return; // a part was lost, so this node has not answered
    part.next++;
    part.items.push(...items);
    parts.set(from, part);
    if (last) asked.take(from, part.items);
  }

  #answer(
    from: string,
    { id, kind, about, frame }: {
      readonly id: number;
      readonly kind: string;
      readonly about: readonly string[];
      readonly frame: Frame | undefined;
    },
    timeoutMs: number,
    respond: (items: readonly string[]) => void,
  ): void {
    const responder = this.#responders.get(kind);
    if (!responder) throw new TypeError("it is a request of no known kind");
    if (from !== this.#host.nodeId && !this.#directory.admits(from)) {
      throw new TypeError("too many nodes are unknown");
    }
    let requests = this.#answering.get(from);
    if (!requests) this.#answering.set(from, requests = new Map());
    if (requests.has(id) || requests.size >= MAX_REQUESTS) {
      throw new TypeError("its node has too many requests, or one id twice");
    }
    let over = false;
    const end = (items: readonly string[] | undefined) => {
      if (over) return;
      over = true;
      requests.delete(id);
      if (items) respond(items);
    };
    const stop = responder(about, frame, end);
    if (over) return;
    const endsAt = Date.now() + timeoutMs;
    requests.set(id, {
      endsAt,
      end: (answers) => {
        const items = stop();
        end(answers ? items : undefined);
      },
    });
    this.#wakeAt(endsAt);
  }

  /** Sends the items of an answer. */
  #respond(to: string, id: number, items: readonly string[]): void {
    const parts = items.length === 1 ? [items] : inParts(items);
    for (const [at, part] of parts.entries()) {
      const last = at === parts.length - 1;
      const send = (texts: readonly string[]) => {
        const list = `[${texts.join(",")}]`;
        this.#messages.send(to, messageOf(["response", id, at, last], list));
      };
      try {
        send(part);
      } catch (error) {
        this.#host.report(error, { source: "output" });
        send(part.flatMap(withoutAnswer));
      }
    }
  }

  #lose(nodeId: string): void {
    for (const request of [...this.#answering.get(nodeId)?.values() ?? []]) {
      request.end(false);
    }
    this.#answering.delete(nodeId);
    for (const asked of [...this.#asked.values()]) asked.lose(nodeId);
  }

  // One timer for all, since most requests are answered long before they time out.
  #wakeAt(time: number): void {
    if (time >= this.#firesAt) return;
    this.#firesAt = time;
    clearTimeout(this.#timer);
    const ms = Math.min(Math.max(0, time - Date.now()), LOOK_MS);
    this.#timer = setTimeout(this.#endLate, ms);
  }

  readonly #endLate = (): void => {
    this.#firesAt = Infinity;
    const now = Date.now();
    let next = Infinity;
    for (const requests of [...this.#answering.values()]) {
      for (const request of [...requests.values()]) {
        if (request.endsAt <= now) request.end(true);
        else next = Math.min(next, request.endsAt);
      }
    }
    this.#wakeAt(next);
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

/** Replaces an item that the adapter cannot carry: an answer by an error, other items by nothing. */
function withoutAnswer(item: string): string[] {
  const it: unknown = JSON.parse(item);
  if (!Array.isArray(it)) return [];
  const tooLarge = ["err", 0, "INTERNAL", "The answer is too large"];
  return [JSON.stringify([it[0], tooLarge])];
}
