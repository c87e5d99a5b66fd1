/**
 * What is kept of a connection while its node sleeps.
 *
 * @module
 */
import { topicChannel } from "../fanout/channels.ts";
import { isIn } from "../fanout/hub.ts";
import type { Session } from "./session.ts";

/** All that a connection is made again from. */
export interface Kept {
  /** Its id. */
  readonly id: string;
  /** Its role. */
  readonly role: string;
  /** What `authenticate` returned as `ctx`. */
  readonly ctx: unknown;
  /** What `authenticate` returned as `data`, as the role's schema gave it back. */
  readonly data: unknown;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly connectedAt: number;
  /** When its login ends, in milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** The rooms it is in. */
  readonly rooms: readonly string[];
  /** The topics it has subscribed to. */
  readonly topics: readonly string[];
}

/** Reads off a connection what has to be kept of it. */
export function keptOf(session: Session): Kept {
  const { core, handle, surface, expiresAt } = session;
  const { rooms } = handle;
  // One that is being authorized is none yet.
  const topics = [...session.subscriptions.keys()].filter((name) => {
    const block = surface.topics.get(name)?.block ?? "";
    const channel = core.hub.channel(topicChannel(block, name));
    return channel && isIn(channel, session);
  });
  const { id, role, ctx, data, connectedAt } = handle;
  return { id, role, ctx, data, connectedAt, expiresAt, rooms, topics };
}
