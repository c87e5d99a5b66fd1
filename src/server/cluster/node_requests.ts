/**
 * Requests between nodes. A request carries its timeout, and each node answers it once, with all its items: in several
 * parts if there are many.
 *
 * @module
 */
import type { ClusterHost } from "./host.ts";
import type { Directory } from "./directory.ts";
import { ASK_MS, type AskOptions, withDeadline } from "./ask_options.ts";
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

/** The answers to a request. */
export interface NodeAnswers {
  /** The items of each node that answered. */
  readonly items: ReadonlyMap<string, readonly unknown[]>;
  /** The nodes that did not answer, or are gone. */
  readonly silent: readonly string[];
}

/** A request that this node sent. */
interface Asked {
  /** The only node that may answer; any if `undefined`. */
  readonly to: string | undefined;
  /** The nodes that have not answered. */
  readonly open: Set<string>;
  /** The nodes that left without an answer. */
  readonly lost: string[];
  readonly items: Map<string, readonly unknown[]>;
  /** Incomplete answers, by node. */
  parts: Map<string, { next: number; readonly items: unknown[] }> | undefined;
  /** Stops waiting. */
  settle(): void;
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
   * Sends a request to one other node, or to all nodes including this one. Resolves when each has answered or left.
   *
   * A request to all resolves after `timeoutMs` plus the time for answers to arrive at the latest: 1 s, or 5 s if the
   * adapter polls, and never more than `timeoutMs` again.
   *
   * @param to The node; all nodes if `undefined`
   * @throws {SocketError} TIMEOUT, as a rejection, if the one node did not answer within `timeoutMs`
   */
  ask(
    to: string | undefined,
    kind: string,
    about: readonly string[],
    frame: Frame | undefined,
    { timeoutMs = ASK_MS, signal }: AskOptions,
  ): Promise<NodeAnswers> {
    const me = this.#host.nodeId;
    const all = to === undefined;
    const asked: Asked = {
      to,
      open: new Set(all ? [me, ...this.#directory.ids()] : [to]),
      ...{ lost: [], items: new Map(), parts: undefined, settle: () => {} },
    };
    const outcome = (): NodeAnswers => ({
      items: asked.items,
      silent: [...asked.open, ...asked.lost],
    });
    if (!all && !this.#directory.has(to)) return Promise.resolve(outcome());
    const id = ++this.#id;
    const limit = Number.isFinite(timeoutMs) ? timeoutMs : null;
    const waitMs = timeoutMs + (all ? Math.min(timeoutMs, this.#graceMs) : 0);
    return withDeadline<NodeAnswers>(
      signal ? { timeoutMs: waitMs, signal } : { timeoutMs: waitMs },
      ({ resolve }) => {
        asked.settle = () => resolve(outcome());
        const carried = frame && frameToJson(frame);
        const fields = ["request", id, kind, about, limit] as const;
        this.#messages.send(to, messageOf(fields, carried));
        this.#asked.set(id, asked);
        if (all) {
          const request = { id, kind, about, frame };
          this.#answer(me, request, timeoutMs, (texts) => {
            const items = texts.map((text): unknown => JSON.parse(text));
            this.#collect(id, me, 0, true, items);
          });
        }
        return (end) => {
          this.#asked.delete(id);
          if (end !== "aborted") return; // the other nodes notice the timeout themselves
          this.#answering.get(me)?.get(id)?.end(false);
          this.#messages.send(to, messageOf(["cancel", id]));
        };
      },
      all ? outcome : undefined,
    );
  }

  /** Answers the requests in progress, and stops waiting for answers. */
  close(): void {
    for (const requests of [...this.#answering.values()]) {
      for (const request of [...requests.values()]) request.end(true);
    }
    clearTimeout(this.#timer);
    for (const { settle } of [...this.#asked.values()]) settle();
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
    let all = items;
    if (at > 0 || !last) {
      const parts = asked.parts ??= new Map();
      const part = at === 0 ? { next: 0, items: [] } : parts.get(from);
      if (part?.next !== at) return; // a part was lost, so this node has not answered
      part.next++;
      part.items.push(...items);
      parts.set(from, part);
      if (!last) return;
      all = part.items;
    }
    asked.items.set(from, all);
    asked.open.delete(from);
    if (asked.open.size === 0) asked.settle();
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
    for (const { open, lost, settle } of [...this.#asked.values()]) {
      if (!open.delete(nodeId)) continue;
      lost.push(nodeId);
      if (open.size === 0) settle();
    }
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
