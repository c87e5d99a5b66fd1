/**
 * What a node needs where its runtime may put it to sleep under its live sockets, and wakes it for the next event.
 *
 * @module
 */
import { roomChannel } from "./fanout/channels.ts";
import type { Core } from "./context.ts";
import type { Kept } from "./connection/snapshot.ts";
import { Session } from "./connection/session.ts";
import type { Socket } from "../seams/socket.ts";
import { resubscribe } from "./calls/subscribe.ts";

/** What such a runtime gives a node, which then starts no timer that would keep it awake. */
export interface SleepHost {
  /** The node's id: the same after every sleep. */
  readonly nodeId: string;
  /** Sees to it that `Server.sweep` is called at that time or a little later; the earliest of all calls counts. */
  wakeAt(time: number): void;
}

/**
 * Makes a connection again from what was kept of it. No hook runs, and its client notices nothing.
 *
 * @returns `undefined` when the contract has no such role
 */
export function restore(
  core: Core,
  socket: Socket,
  { role, ctx, data, expiresAt, rooms, topics, ...known }: Kept,
): Session | undefined {
  const surface = core.contract.roles.get(role);
  if (!surface) return undefined;
  const identity = { role, surface, ctx, data, expiresAt };
  const session = new Session(core, socket, identity, known);
  try {
    core.reach.opened(session);
  } catch (error) {
    core.report(error, { source: "hook", name: "identify" });
  }
  session.resume();
  for (const room of rooms) {
    session.rooms++;
    void core.hub.join(roomChannel(room), session); // never rejects
  }
  for (const topic of topics) resubscribe(session, topic);
  return session;
}
