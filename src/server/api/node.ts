/**
 * The implementation of the node's public interface.
 *
 * @module
 */
import type { ContractDefinition, RoleName } from "../../contract/types.ts";
import type { FromSchema } from "../../contract/schema.ts";
import type { ConnectionHandle } from "../connection/handle.ts";
import type { Session } from "../connection/session.ts";
import { roomOf, topicOf } from "../fanout/channels.ts";
import { ClusterHandle } from "./cluster.ts";
import type { Call, Surface } from "../../contract/define.ts";
import type { AskOptions } from "../cluster/ask_options.ts";
import {
  decide,
  type Handshake,
  type HandshakeExtras,
} from "../handshake/handshake.ts";
import type { Hub } from "../fanout/hub.ts";
import type { Handler } from "../types/handlers.ts";
import { unknownKey } from "../../contract/check_options.ts";
import { quote } from "../../contract/names.ts";
import { publish, published } from "./publish.ts";
import type {
  Published,
  PublishOptions,
  SnapshotFunction,
} from "../topics/kept_topics.ts";
import type { AdapterStatus } from "../fanout/relay.ts";
import type { AdapterStats, Stats } from "../stats/counters.ts";
import { RoomHandle } from "./room.ts";
import type { NodeHost } from "./host.ts";
import type { CloseOptions, Node, ServerAnswers } from "./types.ts";
import { createOff, type ReadyOff } from "../../wire/off.ts";
import { addressOf, messageFields } from "../topics/address.ts";
import { emitServer, onServer } from "../cluster/server_events.ts";
import { ServerRequests } from "../cluster/server_requests.ts";
import { ConnectionTarget, RoleTarget, UserTarget } from "./targets.ts";

function adapterStats({ status, lagMs }: Hub<Session>): AdapterStats {
  const { state, since } = status;
  return { state, since, ...(lagMs !== undefined && { lagMs }) };
}

/** A node's public interface. It has no state of its own. */
export class ServerNode implements Node {
  readonly nodeId: string;
  readonly #server: NodeHost;
  readonly #questions: ServerRequests;

  constructor(server: NodeHost) {
    this.#server = server;
    this.#questions = new ServerRequests(server);
    this.nodeId = server.nodeId;
  }

  get local(): {
    connections: ConnectionHandle[];
    rooms: Map<string, number>;
    topics: Map<string, number>;
  } {
    const rooms = new Map<string, number>();
    const topics = new Map<string, number>();
    for (const { name, direct, grouped } of this.#server.hub.channels()) {
      const room = roomOf(name);
      const topic = topicOf(name);
      const size = direct.size + grouped.size;
      if (room !== undefined) rooms.set(room, size);
      else if (topic !== undefined) topics.set(topic, size);
    }
    return {
      connections: [...this.#server.sessions.values()].map(({ handle }) =>
        handle
      ),
      rooms,
      topics,
    };
  }

  implement(
    handlers: Record<string, Record<string, Handler> | undefined>,
  ): this {
    const server = this.#server;
    if (server.hasHandlers) {
      throw new TypeError(
        "Cannot implement: it was done already, must be done once",
      );
    }
    if (typeof handlers !== "object" || handlers === null) {
      throw new TypeError(
        `Cannot implement: handlers is ${handlers}, must be an object of blocks such as { shared: { … } }`,
      );
    }
    const blocks = ["shared", ...server.contract.roles.keys()];
    for (const block of Object.keys(handlers)) {
      if (blocks.includes(block)) continue;
      throw unknownKey("implement", "role", block, blocks);
    }
    const found = new Map<Call, Handler>();
    for (const surface of server.contract.roles.values()) {
      for (const call of surface.calls.values()) {
        const handler = handlers[call.block]?.[call.name];
        if (typeof handler !== "function") {
          throw new TypeError(
            `Cannot implement ${
              quote(`${call.block}.${call.name}`)
            }: its handler is ${typeof handler}, must be a function`,
          );
        }
        found.set(call, handler);
      }
    }
    const known = [...found.keys()].map((it) => `${it.block}.${it.name}`);
    for (const [block, given] of Object.entries(handlers)) {
      for (const name of Object.keys(given ?? {})) {
        const path = `${block}.${name}`;
        if (known.includes(path)) continue;
        throw unknownKey("implement", "request or signal", path, known);
      }
    }
    server.implement(found);
    return this;
  }

  room(name: string): RoomHandle {
    return new RoomHandle(this.#server, name);
  }

  publish(topic: string, ...args: unknown[]): never {
    const { topics } = this.#server.contract.shared;
    return this.#publish("shared", topics, topic, args) as never; // the contract says which it is
  }

  snapshot(topic: string, make: SnapshotFunction): this {
    const { topics } = this.#server.contract.shared;
    this.#snapshot("shared", topics, topic, make);
    return this;
  }

  forRole(
    name: RoleName<ContractDefinition>,
  ): {
    publish(topic: string, ...args: unknown[]): never;
    snapshot(topic: string, make: SnapshotFunction): void;
  } {
    const role = String(name);
    const surface = this.#server.contract.roles.get(role);
    if (!surface) {
      throw new TypeError(
        `Cannot publish for role ${quote(role)}: the contract has no such role`,
      );
    }
    return {
      publish: (topic, ...args) =>
        this.#publish(role, surface.topics, topic, args) as never, // the contract says which it is
      snapshot: (topic, make) =>
        this.#snapshot(role, surface.topics, topic, make),
    };
  }

  toConn(id: string, role?: string): ConnectionTarget {
    return new ConnectionTarget(this.#server, id, role);
  }

  toUser(userId: string): UserTarget {
    return new UserTarget(this.#server, userId);
  }

  toRole(role: RoleName<ContractDefinition>): RoleTarget {
    return new RoleTarget(this.#server, String(role));
  }

  get cluster(): ClusterHandle {
    return new ClusterHandle(this.#server);
  }

  isOnline(userId: string): Promise<boolean> {
    return this.cluster.isOnline(userId);
  }

  async askServers(
    name: string,
    input: unknown,
    options: AskOptions = {},
  ): Promise<ServerAnswers<FromSchema>> {
    const gathered = await this.#questions.ask(name, input, options);
    const { answers, failed, missing, missingNodes } = gathered;
    return {
      answers: answers.map(({ id, output }) => ({
        nodeId: id,
        output: output as FromSchema, // it was checked
      })),
      failed: failed.map(({ id, error }) => ({ nodeId: id, error })),
      missing: [...missing, ...missingNodes],
    };
  }

  emitServer(event: string, data: unknown): void {
    emitServer(this.#server, event, data);
  }

  onServer(event: string, fn: (data: FromSchema) => unknown): ReadyOff {
    const server = this.#server;
    const take = fn as (data: unknown) => unknown; // called with what the schema returned
    const question = server.contract.serverQuestions.get(event);
    if (!question) return onServer(server, event, take);
    const off = this.#questions.listen(question, take);
    return Object.assign(createOff(off), { ready: server.reach.subscribed });
  }

  status(): AdapterStatus {
    return this.#server.hub.status;
  }

  stats(): Stats {
    const { contract, counters, hub, pending, sessions, callStats, turn } =
      this.#server;
    const { kept, registry, watches, opening, closings } = this.#server;
    const roles = Object.fromEntries(
      [...contract.roles.keys()].map((role) => [role, 0]),
    );
    let calls = 0;
    let signals = 0;
    let subscriptions = 0;
    for (const session of sessions.values()) {
      const { handle: { role }, sizes } = session;
      roles[role] = (roles[role] ?? 0) + 1;
      calls += sizes.calls;
      signals += sizes.signals;
      subscriptions += sizes.subscriptions;
    }
    return {
      ...counters,
      refusals: { ...counters.refusals },
      limits: { ...counters.limits },
      closes: { ...counters.closes },
      topics: {
        ...counters.topics,
        gapCauses: { ...counters.topics.gapCauses },
      },
      connections: sessions.size,
      roles,
      calls: callStats.all(),
      adapter: adapterStats(hub),
      relay: { ...hub.counters },
      sizes: {
        sessions: sessions.size,
        handshakes: pending.size,
        opening: opening.size,
        closing: closings.size,
        waitingOutboxes: turn.size,
        calls,
        signals,
        subscriptions,
        registered: registry?.size ?? 0,
        watches: watches.size,
        ...hub.sizes(),
        ...kept.sizes(),
      },
    };
  }

  handshake(
    request: Request,
    extras: HandshakeExtras = {},
  ): Promise<Handshake> {
    return decide(this.#server, request, extras);
  }

  close({ drainMs = 0 }: CloseOptions = {}): Promise<void> {
    return this.#server.close(drainMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #publish(
    block: string,
    topics: Surface["topics"],
    name: string,
    args: unknown[],
  ): Promise<Published> | undefined {
    const topic = topics.get(name);
    if (topic?.block !== block) {
      throw new TypeError(
        `Cannot publish ${quote(name)}: ${quote(block)} has no such topic`,
      );
    }
    const { maxNameBytes } = this.#server.settings.limits;
    const [params, data, how] = topic.params
      ? args
      : [undefined, args[0], args[1]];
    const refuse = (message: string) => new TypeError(message);
    const address = addressOf(topic, params, maxNameBytes, refuse);
    const message = topic.params
      ? { ...topic, fields: messageFields(address) }
      : topic;
    if (!topic.keep) {
      publish(this.#server, address.channel, message, data, { kind: "topic" });
      return undefined;
    }
    const frame = this.#server.encode(message, data);
    const kept = this.#server.kept.publish(
      address,
      frame,
      how as PublishOptions | undefined, // checked where it is used
    );
    published(this.#server, message, { kind: "topic" });
    return kept;
  }

  #snapshot(
    block: string,
    topics: Surface["topics"],
    name: string,
    make: SnapshotFunction,
  ): void {
    const topic = topics.get(name);
    const path = quote(`${block}.${name}`);
    if (topic?.block !== block || !topic.snapshot) {
      throw new TypeError(
        `Cannot take a snapshot of ${path}: the contract has no snapshot there, must be a kept topic with one`,
      );
    }
    const { snapshots } = this.#server.kept;
    if (typeof make !== "function" || snapshots.has(topic)) {
      throw new TypeError(
        `Cannot take a snapshot of ${path}: ${
          snapshots.has(topic) ? "it has a function already" : typeof make
        }, must be one function`,
      );
    }
    snapshots.set(topic, make);
  }
}
