/**
 * Asks all nodes for their connections, on a server without a presence store. Nothing is stored.
 *
 * @module
 */
import { roomChannel, userChannel } from "../fanout/channels.ts";
import type { PresenceHost } from "./host.ts";
import { SocketError } from "../../wire/errors.ts";
import { GATHER_MS } from "../cluster/gather.ts";
import { membersOf } from "../fanout/hub.ts";
import type { Session } from "../connection/session.ts";

/** One connection, as other nodes see it. */
export interface ConnectionInfo {
  /** The connection's id, for `toConn`. */
  readonly id: string;
  /** The role. */
  readonly role: string;
  /** The node of the connection. */
  readonly nodeId: string;
  /** When it was accepted, in milliseconds since the epoch, by its node's clock. */
  readonly connectedAt: number;
  /** The user id, if the server has `identify`. */
  readonly userId?: string;
  /** The rooms of the connection. */
  readonly rooms: readonly string[];
  /** The values that `describe` returned. */
  readonly [more: string]: unknown;
}

/** A query for connections. */
export type PresenceQuery =
  | readonly ["all"]
  | readonly ["count"]
  | readonly [
    "room" | "user" | "online",
    string,
  ];

/** Answers other nodes' queries for this node's connections. */
export function answerQueries(host: PresenceHost): void {
  const none = () => undefined;
  host.reach.requests.on("query", ([what = "", about = ""], _frame, done) => {
    const sessions = sessionsOf(host, what, about);
    const counts = what === "count" || what === "online";
    done(
      counts
        ? [String(sessions.length)]
        : sessions.map((session) => JSON.stringify(infoOf(host, session))),
    );
    return none; // the answer is complete
  });
}

/**
 * Asks all nodes for their connections.
 *
 * @returns The connections of each node, or their number, by node id; nodes that do not answer in time are left out
 */
export async function query(
  host: PresenceHost,
  inquiry: PresenceQuery,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  if (!host.reach.wanted) {
    throw new SocketError(
      "UNAVAILABLE",
      "Cannot tell who is connected: neither the option presence nor reach is on, one of them must be true",
    );
  }
  const options = { timeoutMs: GATHER_MS };
  const { items } = await host.reach
    .askAll("query", inquiry, undefined, options);
  return items;
}

/** Tells whether a value that another node sent or wrote describes a connection. */
export function isConnectionInfo(value: unknown): value is ConnectionInfo {
  const info = value as Partial<ConnectionInfo> | null | undefined; // any value
  return typeof info?.id === "string" && typeof info.role === "string" &&
    typeof info.connectedAt === "number" && Array.isArray(info.rooms);
}

function sessionsOf(
  host: PresenceHost,
  what: string,
  about: string,
): Session[] {
  const name = what === "room"
    ? roomChannel(about)
    : what === "user" || what === "online"
    ? userChannel(about)
    : undefined;
  if (name === undefined) {
    return [...host.sessions.values()].filter(({ welcomed }) => welcomed);
  }
  const channel = host.hub.channel(name);
  return channel ? membersOf(channel) : [];
}

/** Describes a connection for other nodes. Values of `describe` that JSON cannot carry are reported, and left out. */
export function infoOf(
  host: PresenceHost,
  { handle, userId }: Session,
): ConnectionInfo {
  const { id, role, connectedAt, rooms } = handle;
  let more: Readonly<Record<string, unknown>> = {};
  void host.hook("describe", "hook", () => {
    const described = host.settings.describe?.(handle) ?? {};
    more = JSON.parse(JSON.stringify(described));
  });
  const whose = userId === undefined ? {} : { userId };
  return {
    ...more,
    id,
    role,
    nodeId: host.nodeId,
    connectedAt,
    rooms,
    ...whose,
  };
}
