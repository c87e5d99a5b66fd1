/**
 * Who is connected, on all nodes, where the server has no registry: each is asked, and answers of its own. Nothing is
 * kept anywhere.
 *
 * @module
 */
import { roomChannel, userChannel } from "../fanout/channels.ts";
import type { PresenceHost } from "./host.ts";
import { SocketError } from "../../wire/errors.ts";
import { collect } from "../cluster/gather.ts";
import { membersOf } from "../fanout/hub.ts";
import type { Session } from "../connection/session.ts";

/** One connection, as other nodes see it. */
export interface ConnectionInfo {
  /** Its id, for `toConn`. */
  readonly id: string;
  /** Its role. */
  readonly role: string;
  /** The node that it is on. */
  readonly nodeId: string;
  /** When it was accepted, in milliseconds since the epoch, by its node's clock. */
  readonly connectedAt: number;
  /** Whose it is, where the server has `identify`. */
  readonly userId?: string;
  /** The rooms that it is in. */
  readonly rooms: readonly string[];
  /** What `describe` said of it. */
  readonly [more: string]: unknown;
}

/** What is asked, and about whom. */
export type Inquiry =
  | readonly ["all"]
  | readonly ["count"]
  | readonly [
    "room" | "user" | "online",
    string,
  ];

const QUESTION = '["req",0,"census"]';

/** Answers the other nodes' questions. */
export function openCensus(core: PresenceHost): void {
  core.reach.calls.on("census", ([what = "", about = ""], _frame, answers) => {
    answers.answer(core.nodeId, "", ["res", 0, answer(core, what, about)]);
    return () => {};
  });
}

/**
 * Asks all nodes.
 *
 * @returns Each node's answer by its id; those that say nothing in time have none
 * @throws {SocketError} UNAVAILABLE when a node has more to say than the adapter carries
 */
export async function inquire(
  core: PresenceHost,
  inquiry: Inquiry,
): Promise<Map<string, unknown>> {
  if (!core.reach.wanted) {
    throw new SocketError(
      "UNAVAILABLE",
      "Cannot tell who is connected: neither the option presence nor reach is on, one of them must be true",
    );
  }
  const { taken } = await collect(core, "census", inquiry, QUESTION, {});
  return new Map(taken.map(([nodeId, [tag, _id, value]]) => {
    if (tag === "res") return [nodeId, value];
    throw new SocketError(
      "UNAVAILABLE",
      `Cannot list the connections of node "${nodeId}": there are more than the adapter carries at once, must be asked for by room or user`,
    );
  }));
}

function answer(core: PresenceHost, what: string, about: string): unknown {
  const sessions = sessionsOf(core, what, about);
  if (what === "count" || what === "online") return sessions.length;
  return sessions.map((session) => infoOf(core, session));
}

function sessionsOf(
  core: PresenceHost,
  what: string,
  about: string,
): Session[] {
  const name = what === "room"
    ? roomChannel(about)
    : what === "user" || what === "online"
    ? userChannel(about)
    : undefined;
  if (name === undefined) {
    return [...core.sessions.values()].filter(({ welcomed }) => welcomed);
  }
  const channel = core.hub.channel(name);
  return channel ? membersOf(channel) : [];
}

/** Describes a connection for other nodes. What `describe` gave and JSON cannot carry is reported, and left out. */
export function infoOf(
  core: PresenceHost,
  { handle, userId }: Session,
): ConnectionInfo {
  const { id, role, connectedAt, rooms } = handle;
  let more: Readonly<Record<string, unknown>> = {};
  void core.hook("describe", "hook", () => {
    const described = core.settings.describe?.(handle) ?? {};
    more = JSON.parse(JSON.stringify(described));
  });
  const whose = userId === undefined ? {} : { userId };
  return {
    ...more,
    id,
    role,
    nodeId: core.nodeId,
    connectedAt,
    rooms,
    ...whose,
  };
}
