/**
 * Reaches connections by id, by user and by role, on any node.
 *
 * @module
 */
import type { Adapter } from "../../seams/adapter.ts";
import { roleChannel, roomChannel, userChannel } from "../fanout/channels.ts";
import type { ClusterHost } from "./host.ts";
import { remoteError, SocketError } from "../../wire/errors.ts";
import { type Channel, membersOf } from "../fanout/hub.ts";
import { NAME_RULE, nameFlaw, quote } from "../../contract/names.ts";
import { Directory } from "./directory.ts";
import { type AskOptions, withDeadline } from "./ask_options.ts";
import { answerItem, readAnswer } from "./gather.ts";
import {
  fieldsFromJson,
  frameToJson,
  messageOf,
  NodeMessages,
} from "./node_messages.ts";
import { type NodeAnswers, NodeRequests } from "./node_requests.ts";
import {
  type Fields,
  type Frame,
  frameOf,
  plainFrame,
} from "../../wire/protocol.ts";
import type { Joined } from "../../wire/joined.ts";
import { CLIENT_GONE, type TakeAnswer } from "../connection/client_requests.ts";
import type { Session } from "../connection/session.ts";

/** The connections of one role on this node. */
interface Role {
  readonly sessions: Set<Session>;
  /** Ends the subscription to the role's channel; absent while this node receives nothing from others. */
  off: (() => void) | undefined;
}

/** What code that reaches other nodes needs of its server. */
export interface ReachHost extends ClusterHost {
  readonly reach: Reach;
}

/** Sends to connections on any node, and receives for those of this one. */
export class Reach {
  readonly messages: NodeMessages;
  readonly directory: Directory;
  readonly requests: NodeRequests;
  readonly #host: ClusterHost;
  readonly #adapter: Adapter;
  readonly #roles = new Map<string, Role>();
  #opened = false;
  #started = false;
  /** Whether there was no other node at the last check. */
  #wasAlone = false;
  #subscribed: Promise<Joined> = Promise.resolve({ live: true });

  constructor(host: ClusterHost, adapter: Adapter) {
    this.#host = host;
    this.#adapter = adapter;
    const metered = adapter.metered ?? false;
    this.messages = new NodeMessages(host);
    this.directory = new Directory(host, this.messages, metered);
    this.requests = new NodeRequests(
      host,
      this.messages,
      this.directory,
      metered,
    );
    this.messages.on("event", ([, id, block, carried]) => {
      const event = fieldsFromJson(carried);
      if (event?.[0] !== "evt" || typeof event[1] !== "string") {
        throw new TypeError("it carries no event");
      }
      this.#deliver(String(id), String(block), frameOf(event));
    });
    this.messages.on("close", ([, id, code, reason]) => {
      host.sessions.get(String(id))?.end(Number(code), String(reason));
    });
    this.requests.on("connection", ([id = "", block = ""], frame, done) => {
      if (!frame) throw new TypeError("it carries no request");
      const stop = this.#askHere(
        id,
        block,
        frame,
        (answer) => done([answerItem(id, answer)]),
      );
      return () => void stop(); // the other node does not wait longer
    });
    this.requests.on("room", ([room = ""], frame, done) => {
      if (!frame) throw new TypeError("it carries no request");
      const channel = host.hub.channel(roomChannel(room));
      const members = channel ? membersOf(channel) : [];
      const open = new Set(members.map(({ handle }) => handle.id));
      const items: string[] = [];
      if (open.size === 0) done(items);
      const stops = members.map((session) => {
        const { id } = session.handle;
        return session.ask(frame, (answer) => {
          items.push(answerItem(id, answer));
          if (open.delete(id) && open.size === 0) done(items);
        });
      });
      return () => {
        for (const stop of stops) stop();
        return items.concat([...open].map((id) => answerItem(id, undefined)));
      };
    });
  }

  /** Whether other nodes can reach this node. */
  get wanted(): boolean {
    return this.#host.settings.reach ?? !this.#adapter.metered;
  }

  /** Resolves when other nodes can reach this one, or the time for that is over. */
  get subscribed(): Promise<Joined> {
    return this.#subscribed;
  }

  /** The node was created. */
  open(): void {
    this.#opened = true;
    this.look();
  }

  /**
   * Starts to receive from other nodes, if there may be any and the option allows it. Called whenever that may have
   * changed.
   */
  look(): void {
    if (this.#started) return this.directory.announce();
    if (!this.#opened || this.#host.closing || !this.wanted) return;
    if (this.#adapter.alone?.()) return void (this.#wasAlone = true);
    this.#started = true;
    this.#subscribed = this.messages.receive();
    this.directory.start(this.#subscribed, this.#wasAlone);
    for (const [name, role] of this.#roles) this.#subscribeRole(name, role);
  }

  /** Throws UNAVAILABLE if other nodes cannot be reached, so that a message is not lost silently. */
  mustReach(what: string): void {
    if (this.wanted) return;
    throw new SocketError(
      "UNAVAILABLE",
      `Cannot reach ${what} on other nodes: the option reach is off, as it is by default where hearing costs, must be true`,
    );
  }

  /** Stops receiving, and announces that this node leaves. */
  close(): void {
    this.requests.close();
    this.directory.close();
  }

  /** A connection was accepted. Throws what `identify` throws. */
  opened(session: Session): void {
    const { handle } = session;
    let role = this.#roles.get(handle.role);
    if (!role) {
      this.#roles.set(
        handle.role,
        role = { sessions: new Set(), off: undefined },
      );
      if (this.#started) this.#subscribeRole(handle.role, role);
    }
    role.sessions.add(session);
    const userId = this.#host.settings.identify?.(handle);
    if (userId === undefined) return;
    session.userId = checkUserId(userId);
    void this.#host.hub.join(userChannel(userId), session);
  }

  /** A connection has ended. */
  ended(session: Session): void {
    const { role: name } = session.handle;
    const role = this.#roles.get(name);
    if (!role?.sessions.delete(session) || role.sessions.size > 0) return;
    this.#roles.delete(name);
    role.off?.();
  }

  /** Sends an event of a block to one connection. */
  toConnection(id: string, block: string, frame: Frame): void {
    const nodeId = this.nodeOf(id);
    if (nodeId === this.#host.nodeId) this.#deliver(id, block, frame);
    else if (nodeId) {
      const message = messageOf(["event", id, block], frameToJson(frame));
      this.messages.send(nodeId, message);
    }
  }

  /**
   * Sends a request to the client of one connection.
   *
   * @param frame The request, built with id 0
   * @returns The answer: DISCONNECTED if there is no such connection
   * @throws {SocketError} TIMEOUT, as a rejection; UNAVAILABLE if its node cannot be reached
   */
  async ask(
    id: string,
    block: string,
    frame: Frame,
    options: AskOptions,
  ): Promise<Fields> {
    const nodeId = this.nodeOf(id);
    if (nodeId === this.#host.nodeId) {
      return await withDeadline<Fields>(options, ({ resolve }) => {
        const stop = this.#askHere(id, block, frame, resolve);
        return (end) => void (end !== "settled" && stop());
      });
    }
    await this.directory.settled;
    if (this.#host.hub.status.state === "down") {
      throw remoteError(
        "UNAVAILABLE",
        `Cannot ask connection ${quote(id)}: other nodes are not heard now`,
      );
    }
    if (nodeId === undefined) return CLIENT_GONE;
    const about = [id, block];
    const { items } = await this.requests
      .ask(nodeId, "connection", about, frame, options);
    return readAnswer(items.get(nodeId)?.[0]).answer ?? CLIENT_GONE;
  }

  /**
   * Sends a request to all nodes, including this one, once they are known.
   *
   * @throws {SocketError} UNAVAILABLE, as a rejection, if this node receives nothing from others
   */
  async askAll(
    kind: string,
    about: readonly string[],
    frame: Frame | undefined,
    options: AskOptions,
  ): Promise<NodeAnswers> {
    this.mustReach("those to be asked");
    await this.directory.settled;
    return await this.requests.ask(undefined, kind, about, frame, options);
  }

  /** Passes texts on to another node; see `CreatedNode`. */
  async forward(
    nodeId: string,
    kind: string,
    texts: readonly string[],
    timeoutMs: number,
  ): Promise<readonly unknown[] | undefined> {
    await this.directory.settled;
    if (this.#host.hub.status.state === "down") {
      throw remoteError(
        "UNAVAILABLE",
        `Cannot reach node ${quote(nodeId)}: other nodes are not heard now`,
      );
    }
    const { items } = await this.requests
      .ask(nodeId, kind, texts, undefined, { timeoutMs });
    return items.get(nodeId);
  }

  /** Sets what answers the texts that other nodes pass on. */
  onForwarded(
    kind: string,
    answer: (texts: readonly string[]) => Promise<readonly unknown[]>,
  ): void {
    this.requests.on(kind, (texts, _frame, done) => {
      answer(texts).then(
        (items) => done(items.map((item) => JSON.stringify(item))),
        (error) => {
          this.#host.report(error, { source: "internal" });
          done([]);
        },
      );
      return () => undefined; // the other node does not wait any longer
    });
  }

  /** Closes one connection. */
  endConnection(id: string, code: number, reason: string): void {
    const nodeId = this.nodeOf(id);
    if (nodeId === this.#host.nodeId) {
      this.#host.sessions.get(id)?.end(code, reason);
    } else if (nodeId) {
      this.messages.send(nodeId, messageOf(["close", id, code, reason]));
    }
  }

  /** Closes all connections of a user. */
  endUser(userId: string, code: number, reason: string): void {
    const name = userChannel(userId);
    const channel = this.#host.hub.channel(name);
    const order: Fields = ["close", code, reason];
    this.#host.hub.emit(name, plainFrame(...order));
    if (channel) this.ordered(channel, order);
  }

  /** Sends an event to all connections of a role. */
  toRole(role: string, frame: Frame): void {
    this.mustReach(`role ${quote(role)}`);
    this.#host.hub.emit(roleChannel(role), frame); // first, since it throws if the frame is too large
    this.#deliverToRole(role, frame, 1);
  }

  /** Closes the connections of a user, on another node's order. */
  ordered(channel: Channel<Session>, [, code, reason]: Fields): void {
    for (const session of membersOf(channel)) {
      session.end(Number(code), String(reason));
    }
  }

  /**
   * Returns the node in a connection's id, `undefined` for a text without one.
   *
   * @throws {SocketError} UNAVAILABLE if it is another node and this one receives nothing from others
   */
  nodeOf(id: string): string | undefined {
    const nodeId = String(id).slice(0, Math.max(0, id.lastIndexOf(".")));
    if (!/^\S{1,128}$/.test(nodeId)) return undefined;
    if (nodeId !== this.#host.nodeId) {
      this.mustReach(`connection ${quote(id)}`);
    }
    return nodeId;
  }

  #deliver(id: string, block: string, frame: Frame): void {
    const session = this.#host.sessions.get(id);
    if (session && this.#sees(session, block)) session.outbox.push(frame);
  }

  #askHere(
    id: string,
    block: string,
    frame: Frame,
    take: TakeAnswer,
  ): () => void {
    const session = this.#host.sessions.get(id);
    if (!session) take(CLIENT_GONE);
    else if (this.#sees(session, block)) return session.ask(frame, take);
    else take(["err", 0, "NOT_FOUND", "Its role has no such question"]);
    return () => {};
  }

  /** Tells whether a connection's role has a block. If not, reports it. */
  #sees({ handle: { id, role } }: Session, block: string): boolean {
    if (block === "shared" || block === role) return true;
    const error = new TypeError(
      `Cannot send to connection ${quote(id)}: it is of role ${
        quote(role)
      }, must be of ${quote(block)}`,
    );
    this.#host.report(error, { source: "output", connectionId: id });
    return false;
  }

  #subscribeRole(name: string, role: Role): void {
    role.off = this.#host.hub.listen(
      roleChannel(name),
      ({ frames, fields }) => this.#deliverToRole(name, frames, fields.length),
      true,
    );
  }

  #deliverToRole(name: string, frame: Frame, count: number): void {
    for (const session of this.#roles.get(name)?.sessions ?? []) {
      session.outbox.push(frame, count);
    }
  }
}

/** Checks a user id. */
export function checkUserId(userId: unknown): string {
  const flaw = typeof userId === "string"
    ? nameFlaw(userId)
    : `it is of type ${typeof userId}`;
  if (flaw === undefined) return userId as string; // checked above
  throw new SocketError(
    "BAD_REQUEST",
    `Cannot use user ${quote(String(userId))}: ${flaw}, must be ${NAME_RULE}`,
  );
}
