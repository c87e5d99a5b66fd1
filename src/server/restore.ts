/**
 * What a node needs where its runtime may put it to sleep under its live sockets, and wakes it for the next event.
 *
 * @module
 */
import { roomChannel } from "./fanout/channels.ts";
import type { Server } from "./server.ts";
import type { ConnectionSnapshot, Socket } from "../seams/socket.ts";
import { Session } from "./connection/session.ts";
import { resubscribe } from "./calls/subscribe.ts";

/**
 * Makes a connection again from what was kept of it. No hook runs, and its client notices nothing.
 *
 * @returns `undefined` when the contract has no such role
 */
export function restore(
  server: Server,
  socket: Socket,
  { role, ctx, data, expiresAt, rooms, topics, ...known }: ConnectionSnapshot,
): Session | undefined {
  const surface = server.contract.roles.get(role);
  if (!surface) return undefined;
  const identity = { role, surface, ctx, data, expiresAt };
  const session = new Session(server, socket, identity, known);
  try {
    server.reach.opened(session);
  } catch (error) {
    server.report(error, { source: "hook", name: "identify" });
  }
  session.resume();
  for (const room of rooms) {
    session.rooms++;
    void server.hub.join(roomChannel(room), session); // never rejects
  }
  for (const topic of topics) resubscribe(server, session, topic);
  return session;
}
