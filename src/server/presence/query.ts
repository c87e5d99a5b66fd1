/**
 * Who is connected, on all nodes, where the server has no registry: each is asked, and answers of its own. Nothing is
 * kept anywhere.
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

/** Answers the requests of other nodes for this node's connections. */
export function answerQueries(core: PresenceHost): void {
  const none = () => undefined;
  core.reach.requests.on("query", ([what = "", about = ""], _frame, done) => {
    const sessions = sessionsOf(core, what, about);
    const counts = what === "count" || what === "online";
    done(
      counts
        ? [String(sessions.length)]
        : sessions.map((session) => JSON.stringify(infoOf(core, session))),
    );
    return none; // it is done
  });
}

/**
 * Asks all nodes for their connections.
 *
 * @returns The connections of each node, or their number, by its id; nodes that do not answer in time are left out
 */
export async function query(
  core: PresenceHost,
  inquiry: Inquiry,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  if (!core.reach.wanted) {
    throw new SocketError(
      "UNAVAILABLE",
      "Cannot tell who is connected: neither the option presence nor reach is on, one of them must be true",
    );
  }
  const options = { timeoutMs: GATHER_MS };
  const { items } = await core.reach
    .askAll("query", inquiry, undefined, options);
  return items;
}

/** Whether a value that another node sent or wrote describes a connection. */
export function isConnectionInfo(value: unknown): value is ConnectionInfo {
  const info = value as Partial<ConnectionInfo> | null | undefined; // any value
  return typeof info?.id === "string" && typeof info.role === "string" &&
    typeof info.connectedAt === "number" && Array.isArray(info.rooms);
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
